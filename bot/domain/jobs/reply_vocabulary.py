"""The words by which `bot.domain.jobs.reply_intent` distinguishes directions from comments.

Everything is lower case and without accents, as `reply_folding.drop_signs` returns it. The lists
need not be complete. If a direction is not recognized, its author has to press a button; if a
comment is taken for a direction, it costs money. So a word that is as likely in praise as in a
direction is a remark.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageWords:
    """The words of one language that is written with spaces.

    ``common`` words show which language a text is in. A direction begins with one of ``openers``
    ("suddenly …"), ``commands`` ("make it …") or ``subjects`` ("the fox …"). Unless it is a
    command, it also has one of ``actions``. ``remarks`` and ``remark_phrases`` are what people say
    to each other. The words after one of ``speech`` are spoken in the video. ``questions`` begin
    any question, and ``wishes`` one that asks for a video.
    """

    common: frozenset[str]
    openers: tuple[str, ...]
    commands: frozenset[str]
    subjects: frozenset[str]
    actions: frozenset[str]
    remarks: frozenset[str]
    remark_phrases: tuple[str, ...]
    speech: frozenset[str]
    questions: tuple[str, ...]
    wishes: tuple[str, ...]


def _split_words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _split_phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split(",") if phrase.strip())


def _conjugate_english(bases: Iterable[str]) -> frozenset[str]:
    forms: set[str] = set()
    for base in bases:
        if base.endswith(("s", "sh", "ch", "x", "z", "o")):
            forms.add(f"{base}es")
        elif base.endswith("y") and base[-2] not in "aeiou":
            forms.add(f"{base[:-1]}ies")
        else:
            forms.add(f"{base}s")
        forms.add(f"{base[:-1]}ing" if base.endswith("e") and base[-2] != "e" else f"{base}ing")
        if len(base) < 6 and base[-1] in "bdgmnprt" and base[-2] in "aeiou":
            forms.add(f"{base}{base[-1]}ing")
    return frozenset(forms)


ENGLISH_BASE_ACTIONS: Final = _split_words(
    """appear approach arrive ascend attack awake bark begin bend blink bloom blow bounce bow
    breathe burn burst carry cast catch charge chase chew clap climb close collapse collide
    come continue cook crack crash crawl cross crumble crush cry cut dance dash descend
    disappear dissolve dive dodge drag drift drink drive drop eat emerge enter erupt escape
    exit explode fade fall fight fill flap flee flicker flip float flow flutter fly follow
    gallop gather gaze glance glide glow go grab grin grow hang hide hold hop hover howl hug
    hum hurl jog join jump kick kiss kneel knock land laugh lead leap lean leave lick lie lift
    light limp listen look lower march meet melt meow merge morph move nod open orbit pan
    paint pass pause peek pick play plunge point pour pounce pull punch push put race rain
    raise reach read ride rise roar roll rotate run sail scatter scream shake shatter shine
    shoot shout shrink sing sink sip sit skate skateboard skip slam sleep slide slip smash
    smile smoke snap sneak sneeze sniff snow soar speak spill spin splash split sprint sprout
    freeze panic change set undress
    squeeze stand stare start steal step stop stretch strike stroll struggle stumble surf sway swim
    swing swirl swoop take talk tap throw tilt topple touch track transform transition travel
    tremble trip trot tumble turn twirl twist unfold vanish wade wag wake walk wander watch
    wave weep whisper whistle wink write yawn yell zoom nap snore doze rest scratch purr growl
    snarl hiss chirp quack neigh peck nibble gnaw swallow spit cough shiver twitch wiggle
    wriggle crouch lunge stalk prowl trudge waddle shuffle tiptoe ski paddle row steer pedal
    cycle skid swerve accelerate levitate plummet splinter ignite blaze sparkle shimmer
    glitter twinkle flash beam dim darken brighten blur thaw drip trickle gush spray sprinkle
    ripple bubble boil steam drizzle hail thunder rumble gust whirl spiral curl coil unroll
    wrap shut lock unlock pat stroke pet cuddle embrace salute shrug cheer giggle chuckle
    smirk frown scowl sob wail shriek mutter mumble chant drum strum draw sketch bake stir
    chop slice peel munch gulp celebrate parade pirouette creep slither drown perch nest hatch
    blossom wilt wither expand inflate swell reappear materialize dress shove toss fling seize
    clutch release juggle balance build dig bury plant duel aim slash pursue seek peer glare
    squint depart retreat advance withdraw overtake circle surround guide escort deliver mount
    board roam explore discover uncover dangle hoist reveal"""
)

ENGLISH_PLURAL_SUBJECTS: Final = _split_words(
    "they to both all people and two three four five men women children"
)
ENGLISH_COPULAS: Final = _split_words("is are was were s re looks look")
ENGLISH_WEAK_COMMANDS: Final = _split_words("have show bring put place close open start begin")
ENGLISH_COMMAND_OBJECTS: Final = _split_words("the a an him her them some more")
"""What must follow a weak command: "show the city" is a command, "show off" is not."""
ENGLISH_LOOK_DIRECTIONS: Final = _split_words(
    "at up down into in around back over out away behind left right toward towards through"
)

ENGLISH: Final = LanguageWords(
    common=_split_words(
        """the a an and of in on at to into onto from with over under up down out off by for as
        is are it its he she they his her their him them then than through around behind
        across toward towards away back again while until another some more all two three
        there this that now what how why when who you i my me we so not no but or if be been
        was were has have do does did can could would should will one like about just make
        made next"""
    ),
    openers=_split_phrases(
        """and then, and now, then, next, now, suddenly, slowly, quickly, gently, gradually,
        eventually, finally, meanwhile, afterwards, later, outside, inside, and, after that,
        after a while, in the end, at the end, in the background, in the distance,
        in the foreground, behind him, behind her, behind them, behind it, from the left,
        from the right, from above, from behind, out of nowhere, while, ok, okay, please, pls,
        hey"""
    ),
    commands=_split_words(
        """make let zoom pan tilt dolly cut fade add turn move reveal follow track rotate spin
        transform morph change switch continue remove replace raise lower pull push slow
        animate orbit"""
    ),
    subjects=_split_words(
        """the a an it he she they his her its their another two three four five several many
        some everyone everything all both camera each someone somebody"""
    ),
    actions=_conjugate_english(ENGLISH_BASE_ACTIONS)
    - _split_words("lies lights goings takings puting passes")
    | _split_words("lying goes putting taking"),
    remarks=_split_words(
        """i im ive id ill me my mine myself we our ours us you your yours yourself youre u ur ya
        yall lol lmao lmfao rofl xd haha hahaha hehe heh omg omfg wow woah whoa wtf wth damn
        dang bruh bro bros dude dudes sis fam guys folks mate gg ggs wp pog poggers kek kekw
        lul based cringe yikes oof meh nah nope yep yeah yes yup yea no ok nice nicely cool
        awesome amazing amazingly insane insanely great best better good goodness love loved
        loving luv lovely adore perfect perfectly perfection brilliant incredible incredibly
        fantastic excellent superb epic legendary legend dope sick lit wicked neat sweet cute
        adorable gorgeous stunning wonderful hilarious funny funniest crazy wild unreal
        masterpiece genius goat goated banger respect props kudos congrats congratulations
        grats bravo hooray yay thanks thank thx tysm ty tyvm cheers welcome sorry hate hated
        terrible horrible awful bad worse worst boring bored creepy weird cursed ugly sucks
        suck trash garbage cheap expensive scary terrifying disappointing impressive impressed
        surprised obsessed favorite favourite fav agree agreed true truth facts exactly indeed
        deserve deserves deserved oscar oscars award hollywood prompt prompts ai veo sora
        midjourney runway youtube tiktok insta instagram twitter reddit quality resolution
        render renders rendered version versions physics generated lmk imo imho tbh ngl fr smh
        idk btw asap hope wish wait waiting reminds remind really actually literally honestly
        seriously definitely probably totally absolutely obviously basically apparently very
        though tho never always because cuz cause already this that these those thats here
        maybe guess think thought thinking looked seems seem seemed feels feel felt sounds
        sound should could would might wont dont doesnt didnt cant couldnt isnt arent wasnt
        wouldnt shouldnt aint gonna gotta wanna want wants wanted need needs needed know knows
        knew vibes vibe mood anyone anybody nobody share shared post posted shame pity hi
        hello hey hiya goodnight goodmorning sup yo rip welp hmm hm huh ah ahh aww awww aw ooh
        oh ew eww video videos clip clips gif footage audio volume showcase movie movies
        series meme memes emote banner nft trailer episode season sequel netflix wallpaper
        crap shit fuck fucking fucked ass hell bloody bs favorites favourites list playlist
        pin pinned model models buddy watermark goosebumps chills brr brrr well fine clutch
        realistic realistically natural naturally weirdly wrong ovation applause channel chat
        discord thread spam spamming mod mods admin admins bot bots ping pings notifications
        tutorial settings seed fake real pretty ever anymore lately soon congratz happy
        birthday luck jealous stoked hyped proud smooth clean crisp unbelievable unbelievably
        magical magnificent marvelous marvellous phenomenal stellar spectacular remarkable rad
        neatly brill shitty boo bye just viral president loud"""
    ),
    remark_phrases=_split_phrases(
        """so much, so many, so good, so bad, so fast, so slow, so real, so far, so long,
        too much, too many, too fast, too slow, too good, too real, too short, too long,
        too dark, too bright, the way, well done, good job, keep it up, keep up,
        keep them coming, let s go, lets, let him cook, let her cook, let them cook,
        make sense, makes sense, make more, more of, looks like, look like, looks real,
        looks fake, looks off, looks so, works, worked, no way, hats off, the details,
        the detail, the lighting, the ending, the animation, the quality, a bit, a little bit,
        kind of, sort of, not bad, of the day, of the year, of the week, for sure, give this,
        show us, more please, stop it, cut it out, goes hard, go hard, goes crazy, go crazy,
        goes off, cuts off, cut off, stops at, too early, too late, turn it up, turn up,
        move on, move over, follow for, for more, close enough, start over, start again,
        begin again, show off, show time, make it stop, new one, longer one, another one,
        let him be, let her be,
        let them be, sets the bar, make it happen, make it work,
        make it official, make it viral, make it canon, make it count,
        make it quick, make it out, make it big, make it yours, make it public, make it so,
        make it a thing, make way, make love, make room, make sure, make peace, make friends,
        next one, old one, last one, first one, second one, let it go, let it be, let it rip,
        let it cook, games begin, slow clap, life goes, time flies, strikes again, speaks for,
        comes alive, takes time, takes forever, takes ages, takes a while, takes so,
        takes too, takes the cake, goes on forever, goes without, goes to show, like a real,
        like real, raises the bar, sticks the, it plays, plays fine, spin off, remove it,
        delete it, take it down, raise the roof, drop the, run it back, cut the, bring it on,
        take it easy, take care, is so, are so, was so, it s so, what a, as if, even better,
        how the, how it, how he, how she, mind blown, blew, killing it, nailed, slay, slaps,
        hits different, next level, top notch, on point, as hell, as always, as expected,
        as usual, as well, first try, long time"""
    ),
    speech=_split_words(
        """says saying say shouts shouting whispers whispering yells yelling sings singing
        screams screaming asks asking answers answering replies replying calls calling murmurs
        muttering"""
    ),
    questions=_split_phrases(
        """what, whats, how, hows, why, who, whos, whose, where, wheres, when did, when will,
        when is, when do, when does, which, is, are, was, were, do, does, did, has, have you,
        have we, have they, will, would, should, could, can, can i, can we, can someone,
        can anyone, may i, anyone, am i"""
    ),
    wishes=_split_phrases(
        """can you, could you, would you, will you, can u, could u, can it, could it, can he,
        can she, can they, what if, how about, what about, can we, may it"""
    ),
)

GERMAN: Final = LanguageWords(
    common=_split_words(
        """der die das den dem des ein eine einen einem einer und oder in im ins am an auf aus
        bei mit nach von vom zu zum zur uber unter durch um hinter vor neben gegen ohne bis er
        sie es sein seine seinen ihr ihre ihren sich ist sind war nicht kein noch dann jetzt
        auch wie was wer wo warum ich du wir mir mich dir dich so hat haben wird werden wieder
        weiter los mal schon"""
    ),
    openers=_split_phrases(
        """und dann, dann, danach, jetzt, nun, plotzlich, auf einmal, anschliessend,
        schliesslich, langsam, schnell, und, wahrend, als, bis, im hintergrund,
        im vordergrund, in der ferne, am ende, zum schluss, draussen, hinter ihm, hinter ihr,
        von links, von rechts, von oben, aus dem nichts, bitte, ok, okay, spater, kurz darauf"""
    ),
    commands=_split_words(
        """mach mache lass lasse zeig zeige fug fuge zoom zoome schwenk schwenke setz setze
        verwandle verwandel andere fahr fahre dreh drehe folge entferne ersetze animiere
        blende"""
    ),
    subjects=_split_words(
        """der die das den ein eine er sie es sein seine ihr ihre zwei drei vier mehrere viele
        einige alle alles jemand kamera beide"""
    ),
    actions=_split_words(
        """springt springen hupft lauft laufen rennt rennen fliegt fliegen tanzt tanzen schwimmt
        schwimmen dreht drehen schaut schauen blickt blicken fallt fallen offnet offnen
        schliesst schliessen kommt kommen verschwindet verschwinden erscheint erscheinen
        taucht tauchen steigt steigen klettert klettern sitzt setzt steht stehen legt liegt
        geht gehen fahrt fahren rollt rollen bricht brechen explodiert explodieren brennt
        brennen regnet schneit leuchtet leuchten wachst wachsen verwandelt verwandeln bewegt
        bewegen zoomt schwenkt folgt folgen jagt jagen flieht fliehen greift greifen nimmt
        nehmen wirft werfen fangt fangen tritt treten isst essen frisst trinkt trinken singt
        singen schreit schreien ruft sagt lacht lachen lachelt weint weinen winkt winken nickt
        schlaft schlafen wacht gahnt zeigt halt hebt senkt zieht ziehen schiebt druckt stosst
        schlagt kampft kampfen umarmt kusst bellt miaut heult knurrt brullt fliesst flattert
        schwebt schweben gleitet gleiten stolpert rutscht surft reitet segelt landet startet
        beginnt beginnen stoppt bleibt betritt verlasst nahert entfernt offnend zerbricht
        zerspringt schmilzt gefriert bluht weht stromt spritzt flackert glitzert funkelt
        blinkt blinzelt wendet passiert uberquert durchquert erreicht begegnet trifft sturzt
        kriecht schleicht galoppiert schnarcht niest kratzt leckt schnuffelt kuschelt
        streichelt kichert grinst schaukelt wackelt zittert klatscht jubelt malt schreibt
        kocht trommelt pfeift summt grabt baut zielt schiesst rudert paddelt tropft sturmt
        donnert blitzt dammert versinkt ertrinkt traumt fuhrt tragt sammelt sucht versteckt
        entdeckt umkreist spielt spielen schnurrt stapft watschelt
        betreten flusstert kreist schwingt
        spaziert spazieren wandert wandern reist"""
    ),
    remarks=_split_words(
        """ich mir mich mein meine meinen meiner wir uns unser unsere du dir dich dein deine
        deinen euch euer eure geil mega krass super toll hammer klasse genial cool lustig
        witzig wunderschon wahnsinn irre danke dankeschon gluckwunsch respekt stark nice echt
        wirklich richtig total voll sehr gefallt liebe lieb finde hatte hatt konnte sollte
        wurde ware digga diggi alter bruder lol haha hihi hehe wow boah omg perfekt traumhaft
        suss herrlich grossartig fantastisch hervorragend klappt funktioniert schade leider
        schlecht langweilig gruselig komisch besser beste bester bestes besten immer nie halt
        eben glaube denke hoffe weiss will mochte gern gerne prompt erinnert bravo top gut
        gute hallo moin ja nein jo ne nee stimmt genau dieser diese dieses diesen krasse
        krasser geiler geile gelungen oha alta wtf leute jungs ehre video videos clip clips
        kanal qualitat sauber stabil heftig brutal wild lieber liebes schoner schones gluck
        morgen heute nachste nachsten teil bot bots wieder"""
    ),
    remark_phrases=_split_phrases(
        """das ist, das war, das sieht, sieht aus, sieht so, so schon, sehr schon, wie schon,
        so gut, so viel, zu viel, zu schnell, zu langsam, zu kurz, zu dunkel, gut gemacht,
        weiter so, mach weiter, los geht, geht so, geht gut, geht klar, geht ab, kommt gut,
        kommt noch, mehr davon, ein bisschen, nicht schlecht, kein problem, auf jeden fall,
        mach mehr, lass uns, lass mal, zeig mal, was fur, es geht um"""
    ),
    speech=_split_words("sagt ruft schreit flustert fragt antwortet singt brullt"),
    questions=_split_phrases(
        """wie, was, wer, wen, wem, wo, wohin, woher, wann, warum, wieso, weshalb, welche,
        welcher, welches, womit, wozu, ist das, ist es, sind das, hast, habt, hat jemand,
        gibt es, gibts, weiss, war das, ware, darf, soll, geht das, kann man, kann ich,
        kann jemand"""
    ),
    wishes=_split_phrases(
        "kannst, konntest, konnt ihr, kann er, kann sie, kann es, kann der, kann die, wurdest"
    ),
)

FRENCH: Final = LanguageWords(
    common=_split_words(
        """le la les l un une des du de d et ou a au aux en dans sur sous avec sans pour par vers
        chez il elle ils elles on son sa ses leur leurs lui se s qui que qu puis est sont pas
        ne n plus tout tous je j tu me m te t nous vous ce c cette ces mon ma mes ton ta tes
        comme comment pourquoi encore alors tres"""
    ),
    openers=_split_phrases(
        """et puis, et soudain, puis, ensuite, alors, soudain, soudainement, tout a coup,
        maintenant, apres, enfin, finalement, lentement, doucement, rapidement, et,
        pendant que, tandis que, a la fin, au fond, au loin, en arriere plan, au premier plan,
        derriere lui, derriere elle, dehors, de gauche, de droite, d en haut, s il te plait,
        ok"""
    ),
    commands=_split_words(
        """fais faites ajoute ajoutez montre montrez zoome zoomez mets laisse laissez continue
        transforme change tourne enleve remplace anime recule avance"""
    ),
    subjects=_split_words(
        """le la les l un une des il elle ils elles son sa ses leur leurs deux trois quatre
        plusieurs tous camera quelqu chaque"""
    ),
    actions=_split_words(
        """saute sautent court courent marche marchent vole volent danse dansent nage nagent
        tourne tournent regarde regardent leve levent tombe tombent ouvre ouvrent ferme
        ferment entre entrent sort sortent apparait apparaissent disparait disparaissent monte
        montent descend descendent avance avancent recule reculent approche approchent eloigne
        eloignent suit suivent attrape attrapent lance lancent jette jettent mange mangent
        boit boivent chante chantent crie crient dit rit rient pleure pleurent sourit sourient
        explose explosent brule brulent pleut neige commence commencent met mettent arrete
        arretent dort dorment reveille conduit roule roulent plonge plongent grimpe grimpent
        traverse traversent passe passent part partent arrive arrivent revient reviennent
        vient viennent prend prennent pose posent tient tiennent embrasse pousse poussent tire
        tirent frappe frappent casse cassent brille brillent allume eteint souffle coule
        coulent transforme transforment devient deviennent zoome bondit bondissent s assoit
        assied retourne penche cache cachent glisse glissent flotte flottent fond eclate
        envole envolent saisit ramasse salue aboie miaule hurle rugit surgit surgissent galope
        rampe tremble secoue agite poursuit chasse fuit rejoint touche baisse souleve deplace
        bouge bougent ronfle eternue baille gratte leche renifle ronronne grogne applaudit
        peint dessine ecrit siffle fredonne creuse plante construit combat vise rame scintille
        clignote reve porte cherche trouve decouvre entoure joue jouent promene
        enleve met rentre enfile retire embrassent balance
        tournoie ondule enfuit couche couchent"""
    ),
    remarks=_split_words(
        """j je moi mon ma mes tu toi ton ta tes te vous votre vos nous notre nos trop tres
        tellement super genial geniale magnifique bravo merci mdr ptdr lol xd incroyable ouf
        dingue style stylee excellent excellente parfait parfaite adore aime kiffe top
        vraiment ca cela c ceci chouette cool felicitations respect chapeau beau belle beaux
        belles joli jolie mignon mignonne drole marrant fou folle nul nulle moche bizarre
        flippant dommage wow waouh ouah omg haha hihi bien meilleur meilleure mieux jamais
        toujours prompt crois pense trouve espere veux voudrais aimerais salut bonjour coucou
        oui non ouais nan exactement rappelle ressemble semble dirait gg putain sympa terrible
        horrible nickel mec gars frere suite vivement video videos clip qualite lien salon
        serveur"""
    ),
    remark_phrases=_split_phrases(
        """on dirait, bien joue, bien fait, pas mal, trop bien, si beau, c est, ca marche, quel,
        quelle, quels, quelles, un peu, comme d habitude, a l air, l air, de ouf,
        le rendu, la qualite, les details, allez, vas y, on y va, continue comme,
        fais en plus, encore un, marche pas, marche bien, ne marche, passe creme, ca passe"""
    ),
    speech=_split_words("dit crie chuchote murmure demande repond chante hurle"),
    questions=_split_phrases(
        """comment, pourquoi, qui, que, quoi, quand, combien, ou est, quel, quelle, quels,
        quelles, est ce, qu est ce, c est quoi, as tu, avez vous, t as, tu as, y a t il,
        lequel, laquelle, d ou"""
    ),
    wishes=_split_phrases(
        "peux tu, tu peux, pourrais tu, tu pourrais, pouvez vous, vous pouvez, peut il, peut elle"
    ),
)

SPANISH: Final = LanguageWords(
    common=_split_words(
        """el la los las un una unos unas y o de del al a en con sin por para sobre bajo hacia
        desde hasta entre tras su sus se lo le les que quien como cuando donde es son esta
        estan no ni mas muy pero yo tu mi me te nos este esto ese esa eso luego entonces
        despues ella ellos"""
    ),
    openers=_split_phrases(
        """y luego, y entonces, y de repente, luego, entonces, despues, de repente, de pronto,
        ahora, finalmente, lentamente, rapidamente, suavemente, y, mientras, al final,
        al fondo, a lo lejos, detras de el, detras de ella, afuera, por favor, ok, mas tarde,
        a continuacion"""
    ),
    commands=_split_words(
        """haz hazlo hazla pon ponle muestra anade agrega acerca aleja deja convierte cambia
        continua sigue gira mueve quita reemplaza anima transforma"""
    ),
    subjects=_split_words(
        """el la los las un una unos unas ella ellos ellas su sus dos tres cuatro varios varias
        muchos muchas todos todas alguien camara ambos"""
    ),
    actions=_split_words(
        """salta saltan corre corren camina caminan vuela vuelan baila bailan nadan gira giran
        mira miran cae caen abre abren cierra cierran entra entran sale salen aparece aparecen
        desaparece desaparecen sube suben baja bajan avanza avanzan retrocede retroceden
        acerca acercan aleja alejan sigue siguen persigue persiguen agarra agarran lanza
        lanzan tira tiran come comen bebe beben canta cantan grita gritan dice dicen rie rien
        llora lloran sonrie sonrien explota explotan arde arden llueve nieva empieza empiezan
        comienza comienzan detiene detienen duerme duermen despierta despiertan conduce
        conducen rueda ruedan trepa trepan cruza cruzan pasa pasan llega llegan vuelve vuelven
        viene vienen toma toman pone ponen sostiene besa empuja empujan golpea golpean brilla
        brillan sopla fluye transforma transforman convierte convierten levanta levantan
        sienta sientan mueve mueven saluda asiente ladra maulla aulla ruge flota flotan
        desliza deslizan tropieza huye huyen ataca atacan pelea pelean abraza toca recoge
        esconde asoma galopa tiembla sacude agita derrite crece crecen florece enfoca zambulle
        ronca estornuda bosteza rasca lame olfatea ronronea grune aplaude pinta dibuja escribe
        cocina silba tararea cava planta construye lucha apunta rema gotea truena parpadea
        busca encuentra descubre rodea juega juegan pasea pasean
        arranca arrancan despega aterriza besan abrazan trae lleva balancea ondea
        posa posan"""
    ),
    remarks=_split_words(
        """yo mi mis mio me tu tus tuyo te ti usted ustedes nosotros nuestro nuestra nos muy tan
        increible genial bonito bonita hermoso hermosa precioso preciosa chulo chula guay
        brutal gracias felicidades enhorabuena jaja jajaja jeje wow encanta encanto gusta
        gusto amo amor lindo linda mola molan flipante flipo parece parecen pareciera esto eso
        este ese esa aquello bravo buenisimo buenisima excelente perfecto perfecta fantastico
        maravilloso impresionante alucinante divertido gracioso feo fea raro rara horrible
        malo mala terrible lastima bien bueno buena buenos buenas mejor peor siempre nunca
        creo pienso espero quiero quisiera necesito hola si verdad exacto claro tio tia bro
        crack maquina lol xd omg prompt recuerda calidad gg padre chido chida bacano vale vaya
        ojala ole video videos clip canal rompe rompes"""
    ),
    remark_phrases=_split_phrases(
        """que bien, que bonito, que chulo, que guay, bien hecho, buen trabajo, se ve, se ven,
        se nota, me encanta, nada mal, demasiado, un poco, un poquito, por dios, vaya tela,
        a ver, como mola, sigue asi, haz mas, mas de, los detalles, la calidad, va bien,
        va genial, de locos, de locura, y ya, ya esta, dicen que, no sirve"""
    ),
    speech=_split_words("dice grita susurra pregunta responde canta exclama"),
    questions=_split_phrases(
        """que, como, cual, cuales, quien, quienes, cuando, donde, cuanto, cuanta, cuantos,
        por que, para que, de donde, a donde, con que, alguien sabe, alguien puede, es esto,
        hay, has, sabes"""
    ),
    wishes=_split_phrases("puedes, podrias, puede, podria, pueden, se puede, se podria, y si"),
)

SPACED_LANGUAGES: Final = (ENGLISH, GERMAN, FRENCH, SPANISH)

UNIVERSAL_REMARKS: Final = _split_words(
    """lol lmao lmfao rofl xd xdd omg omfg wtf wow gg ggs haha hehe hihi jaja jeje ahaha mdr ptdr
    www kek pog bravo cool super nice top respect"""
)

REQUEST_WORDS: Final = _split_words(
    """make create generate animate film render mach mache erstell erstelle generier generiere
    animier animiere fais faites cree creez genere generez anime haz crea genera anima"""
)
"""Words of requests to the bot that are not replies to a clip."""
