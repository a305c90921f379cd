"""Hands on the drawing pads: points are in the pad's own box of 109 x 109 units."""

BOX = 109


def paper(widget, number: int):
    """The sheet of a pad, 0 to 5."""
    return widget.locator(".drawpad-paper").nth(number)


def places(widget, number: int, points):
    """Points of the box in pixels of the page."""
    sheet = paper(widget, number)
    sheet.scroll_into_view_if_needed()
    frame = sheet.bounding_box()
    return [(frame["x"] + x * frame["width"] / BOX, frame["y"] + y * frame["height"] / BOX) for x, y in points]


def draw(widget, number: int, *strokes) -> None:
    """Draw by mouse."""
    mouse = widget.page.mouse
    for stroke in strokes:
        start, *rest = places(widget, number, stroke)
        mouse.move(*start)
        mouse.down()
        for place in rest:
            mouse.move(*place, steps=8)
        mouse.up()


def touch(widget, number: int, stroke) -> None:
    """Draw with a finger."""
    session = widget.page.context.new_cdp_session(widget.page)
    kinds = ["touchStart"] + ["touchMove"] * (len(stroke) - 1)
    for kind, (x, y) in zip(kinds, places(widget, number, stroke)):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def clear(widget, number: int) -> None:
    """Press a pad's button."""
    widget.get_by_role("button", name="clear").nth(number).click()


def n_strokes(widget, number: int) -> int:
    """How many strokes a pad shows."""
    return (widget.locator(".drawpad-ink").nth(number).get_attribute("d") or "").count("M")
