"""What was decided by eye when `emoji` was built: names, wrong drawings, look-alikes.

Read by `emoji_build` alone.
"""

# fxemoji has names of its own; what stands here goes before any match of names ("scroll" is drawn as a mouse wheel).
FXEMOJI: dict[str, str] = dict(
    line.strip().partition(": ")[::2]
    for line in """
    2hearts: two hearts
    americasglobe: globe showing Americas
    anger: anger symbol
    angry: angry face
    anguish: anguished face
    aok: OK hand
    asiaaustraliaglobe: globe showing Asia-Australia
    astonished: astonished face
    banknotedollar: dollar banknote
    banknoteeuro: euro banknote
    banknotepound: pound banknote
    banknoteyen: yen banknote
    beachumbrella: beach with umbrella
    bellcancellation: bell with slash
    blackskullcrossbones: skull and crossbones
    blonde: person: blond hair
    bolt: high voltage
    bookmarktab: bookmark tabs
    boot: woman’s boot
    bow: ribbon
    bowing: person bowing
    bride: person with veil
    bunny: rabbit face
    bunny-ears: people with bunny ears
    bunnyside: rabbit
    cat: cat face
    catside: cat
    cellphone: mobile phone
    chartdownwardstrend: chart decreasing
    chartupwardstrend: chart increasing
    chartupwardstrendyen: chart increasing with yen
    chilipepper: hot pepper
    clap: clapping hands
    closedmailboxlowered: closed mailbox with lowered flag
    closedmailboxraised: closed mailbox with raised flag
    coldsweat: anxious face with sweat
    confetti: confetti ball
    confounded: confounded face
    confused: confused face
    construct: construction worker
    construction: building construction
    constructionsign: construction
    contact: bust in silhouette
    contact2: busts in silhouette
    controlknob: control knobs
    cop: police officer
    couple: couple with heart
    crying: crying face
    darksunglasses: sunglasses
    dash: dashing away
    devilhorns: smiling face with horns
    disappointed: disappointed face
    dissapointedrelief: sad but relieved face
    dog: dog face
    dogside: dog
    dragonhead: dragon face
    dragonside: dragon
    envelopedownarrowabove: envelope with arrow
    europeafricaglobe: globe showing Europe-Africa
    evergreen: evergreen tree
    expressionless: expressionless face
    fallingleaf: fallen leaf
    fearful: fearful face
    fishcakeswirl: fish cake with swirl
    fistedhand: oncoming fist
    flexbicep: flexed biceps
    floppydisk2: floppy disk
    flushed: flushed face
    forkknife: fork and knife with plate
    frontfacingchick: front-facing baby chick
    frown: person frowning
    frownmouth: frowning face with open mouth
    gem: gem stone
    girlgirl: women holding hands
    girlguy: woman and man holding hands
    gma: old woman
    gpa: old man
    grimacing: grimacing face
    grin: grinning face
    grineyes: grinning face with smiling eyes
    grinsquint: grinning squinting face
    grinsweat: grinning face with sweat
    grintears: face with tears of joy
    grinwide: grinning face with big eyes
    guapimao: person with skullcap
    guyguy: men holding hands
    halo: smiling face with halo
    hampster: hamster
    hand: raised hand
    handheldvideocamera: video camera
    hands: open hands
    handup: person raising hand
    headmassage: person getting massage
    heartarrow: heart with arrow
    hearteyes: smiling face with heart-eyes
    heartgreen: green heart
    heartpurple: purple heart
    heartribbon: heart with ribbon
    heartyellow: yellow heart
    heels: high-heeled shoe
    high5: raising hands
    highspeedtrainbulletnose: bullet train
    hourglassflowingsand: hourglass not done
    hushed: hushed face
    index: index pointing up
    japaneseangrymask: goblin
    kissclosedeyes: kissing face with closed eyes
    kisseyes: kissing face with smiling eyes
    kissing: face blowing a kiss
    leaffluttering: leaf fluttering in wind
    left: backhand index pointing left
    right: backhand index pointing right
    up: backhand index pointing up
    down: backhand index pointing down
    leftmagnifyingglass: magnifying glass tilted left
    rightmagnifyingglass: magnifying glass tilted right
    leftwritinghand: writing hand
    leopardside: leopard
    lockandkey: locked with key
    loudlycrying: loudly crying face
    lowerleftpen: pen
    mahjong: mahjong red dragon
    makeupbag: clutch bag
    mansshirt: t-shirt
    medicalmask: face with medical mask
    mensrunner: running shoe
    mensshoe: man’s shoe
    meridianglobe: globe with meridians
    monkeyhear: hear-no-evil monkey
    monkeysee: see-no-evil monkey
    monkeyspeak: speak-no-evil monkey
    mouse: mouse face
    mouseside: mouse
    neutral: neutral face
    nogesture: person gesturing NO
    nomouth: face without mouth
    nooneunder18symbol: no one under eighteen
    okgesture: person gesturing OK
    onebuttonmouse: computer mouse
    openmailboxlowered: open mailbox with lowered flag
    openmailboxraised: open mailbox with raised flag
    openmouth: face with open mouth
    outbox: outbox tray
    pensive: pensive face
    perservere: persevering face
    phonerightarrowleft: mobile phone with arrow
    pig: pig face
    pigside: pig
    pigsnout: pig nose
    pinkwallet: purse
    poo: pile of poo
    potablewatersystem: potable water
    pout: person pouting
    pouting: enraged face
    pray: folded hands
    present: wrapped gift
    racecar: racing car
    raincloud: cloud with rain
    raisedhandpartfingers: vulcan salute
    raisedhandsfingerssplayed: hand with fingers splayed
    relieved: relieved face
    reminder: reminder ribbon
    reversehandmiddlefinger: middle finger
    running: person running
    sandals: woman’s sandal
    screamfear: face screaming in fear
    silhouetteohjapan: map of Japan
    sixpointedstarwithdot: dotted six-pointed star
    sleeping: sleeping face
    sleepy: sleepy face
    sleuthspy: detective
    smallfrown: slightly frowning face
    smallsmile: slightly smiling face
    smileeyes: smiling face with smiling eyes
    smiletongue: face savoring food
    smirk: smirking face
    snowcloud: cloud with snow
    snowmountains: snow-capped mountain
    speaker3soundwaves: speaker high volume
    speakercancellation: muted speaker
    speakeronesoundwave: speaker medium volume
    speechbubble: speech balloon
    star: glowing star
    whitemediumstar: star
    wiredkeyboard: keyboard
    spurtingwhale: spouting whale
    stormcloud: cloud with lightning
    studiomic: studio microphone
    sunglasses: smiling face with sunglasses
    sunraincloud: sun behind rain cloud
    sunrays: sun
    sweat: downcast face with sweat
    sweatsplash: sweat droplets
    swimming: person swimming
    telephonereceiver2: telephone receiver
    tennisball: tennis
    thoughtbaloon: thought balloon
    tie: necktie
    tiger: tiger face
    tigerside: tiger
    tired: tired face
    tongueout: face with tongue
    tongueoutwink: winking face with tongue
    tongueoutwink2: squinting face with tongue
    toykotower: Tokyo tower
    triumph: face with steam from nose
    turban: person wearing turban
    unamused: unamused face
    videocasette: videocassette
    waitress: person tipping hand
    walking: person walking
    waningbibbousmoon: waning gibbous moon
    wave: water wave
    waving: waving hand
    weary: weary face
    whitesunsmallcloud: sun behind small cloud
    winking: winking face
    womansshirt: woman’s clothes
    worried: worried face
    """.strip().splitlines()
)

# By style: the CLDR name of icons whose own name says something else.
NAMES = {
    "fxemoji": FXEMOJI,
    "streamline-emojis": {
        "amazed-face": "face with open mouth",
        "gesturing-ok-1": "person gesturing OK",
        "women-with-bunny-ears-1": "people with bunny ears",
    },
    "emojione-v1": {"wired-keyboard": "keyboard"},  # its "keyboard" is one for music
}

# Drawings that are left out: (set, CLDR name): what it shows.
WRONG = {
    ("openmoji", "scroll"): "a computer mouse",
    ("fxemoji", "tram car"): "a black square, its gradients are lost",
    ("fxemoji", "fog"): "next to nothing, pale lines on white",
    ("fxemoji", "window"): "a window of a program",
    ("emojione-v1", "window"): "a window of a program",
    ("streamline-emojis", "turkey"): "the flag of the country",
    ("streamline-emojis", "right anger bubble"): "a thought",
    ("noto-v1", "cricket"): "the game",
    ("emojione", "cricket"): "the game",
    ("emojione-monotone", "cricket"): "the game",
    ("fluent-emoji", "backhand index pointing right"): "a hand that points left",
}

# Classes that share a group, by CLDR name. `emoji_build` prints how alike all others are; judged by eye.
LOOK_ALIKES = [
    tuple(name.strip() for name in line.split(";"))
    for line in """
    grinning face; grinning face with big eyes; grinning face with smiling eyes; beaming face with smiling eyes; grinning squinting face; grinning face with sweat; face with tears of joy
    slightly smiling face; smiling face; neutral face; expressionless face; face without mouth; kissing face; confused face; slightly frowning face; frowning face
    smiling face with smiling eyes; relieved face; pensive face; disappointed face; smirking face; unamused face; winking face; kissing face with closed eyes; kissing face with smiling eyes
    face savoring food; face with tongue; winking face with tongue; squinting face with tongue
    face with open mouth; hushed face; astonished face; worried face; frowning face with open mouth; anguished face
    fearful face; anxious face with sweat
    crying face; sad but relieved face; downcast face with sweat; sleepy face
    weary face; tired face; confounded face; persevering face
    angry face; enraged face
    smiling face with horns; angry face with horns
    skull; skull and crossbones
    ogre; goblin
    cat face; grinning cat; grinning cat with smiling eyes; cat with tears of joy; smiling cat with heart-eyes; cat with wry smile; kissing cat; weary cat; crying cat; pouting cat
    monkey face; see-no-evil monkey; hear-no-evil monkey; speak-no-evil monkey
    red heart; heart suit; yellow heart; green heart; blue heart; purple heart; black heart; broken heart; sparkling heart; growing heart; beating heart; heart with ribbon; heart with arrow; heart exclamation
    two hearts; revolving hearts
    kiss mark; mouth
    speech balloon; left speech bubble; thought balloon
    raised back of hand; hand with fingers splayed; raised hand; vulcan salute
    index pointing up; middle finger; backhand index pointing up; backhand index pointing down; backhand index pointing left; backhand index pointing right
    victory hand; crossed fingers; sign of the horns
    thumbs up; thumbs down
    raised fist; oncoming fist; left-facing fist; right-facing fist
    boy; girl; man; woman; person: blond hair
    old man; old woman
    person frowning; person pouting
    prince; princess
    Santa Claus; Mrs. Claus
    person getting massage; person getting haircut
    person walking; person running
    person biking; person mountain biking
    women holding hands; woman and man holding hands; men holding hands
    bust in silhouette; busts in silhouette
    person taking bath; bathtub
    person in bed; bed
    tiger; leopard
    mouse; rat
    ox; water buffalo; cow
    ram; ewe
    camel; two-hump camel
    baby chick; front-facing baby chick
    dragon face; dragon
    whale; spouting whale
    cherry blossom; white flower
    shamrock; four leaf clover
    evergreen tree; Christmas tree
    red apple; green apple
    meat on bone; poultry leg
    hot beverage; teacup without handle
    amphora; funeral urn
    globe showing Europe-Africa; globe showing Americas; globe showing Asia-Australia
    mountain; snow-capped mountain; mount fuji
    tent; camping
    beach with umbrella; umbrella on ground
    house; houses; house with garden; derelict house
    bank; classical building
    post office; Japanese post office
    hotel; love hotel
    church; wedding
    cityscape at dusk; sunset
    cityscape; night with stars
    sunrise; sunrise over mountains
    high-speed train; bullet train; light rail
    train; station; tram
    railway car; tram car
    bus; trolleybus
    automobile; taxi; police car; sport utility vehicle
    oncoming automobile; oncoming taxi; oncoming police car
    delivery truck; articulated lorry
    horizontal traffic light; vertical traffic light
    ship; passenger ship; ferry
    motor boat; speedboat
    airplane departure; airplane arrival
    suspension railway; mountain cableway; aerial tramway
    hourglass done; hourglass not done
    alarm clock; stopwatch; timer clock; mantelpiece clock
    new moon; waxing crescent moon; first quarter moon; waxing gibbous moon; full moon; waning gibbous moon; last quarter moon; waning crescent moon; new moon face; full moon face
    crescent moon; first quarter moon face; last quarter moon face
    sun; sun with face
    star; glowing star
    cloud; sun behind cloud; sun behind small cloud; sun behind large cloud; sun behind rain cloud; cloud with rain; cloud with snow; cloud with lightning; cloud with lightning and rain
    umbrella; umbrella with rain drops
    snowman; snowman without snow
    fireworks; sparkler
    admission tickets; ticket
    military medal; sports medal; 1st place medal; 2nd place medal; 3rd place medal
    american football; rugby football
    field hockey; ice hockey
    spade suit; club suit
    glasses; sunglasses
    t-shirt; woman’s clothes
    purse; clutch bag
    man’s shoe; running shoe
    muted speaker; speaker low volume; speaker medium volume; speaker high volume
    loudspeaker; megaphone
    bell; bell with slash
    musical note; musical notes
    mobile phone; mobile phone with arrow
    laptop; desktop computer
    computer mouse; trackball
    optical disk; dvd
    movie camera; film projector
    camera; camera with flash
    magnifying glass tilted left; magnifying glass tilted right
    closed book; green book; blue book; orange book; notebook; notebook with decorative cover
    page with curl; page facing up
    yen banknote; dollar banknote; euro banknote; pound banknote
    envelope; e-mail; incoming envelope; envelope with arrow
    outbox tray; inbox tray
    closed mailbox with raised flag; closed mailbox with lowered flag; open mailbox with raised flag; open mailbox with lowered flag
    pen; fountain pen
    file folder; open file folder
    calendar; tear-off calendar; spiral calendar
    chart increasing; chart decreasing
    pushpin; round pushpin
    locked; unlocked; locked with pen; locked with key
    key; old key
    hammer; pick
    hammer and pick; hammer and wrench
    link; chains
    men’s room; women’s room
    passport control; customs
    baggage claim; left luggage
    prohibited; no bicycles; no smoking; no littering; non-potable water; no pedestrians; no mobile phones; no one under eighteen
    star of David; dotted six-pointed star
    latin cross; orthodox cross
    """.strip().splitlines()  # noqa: E501
]
