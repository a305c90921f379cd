"""What only the lessons use: explorers, widgets, plots, exercises and the clinic. Readers borrow nothing from here."""
