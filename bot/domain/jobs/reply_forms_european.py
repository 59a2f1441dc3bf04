"""The forms of `bot.domain.jobs.reply_forms` in German, French and Spanish."""

from typing import Final

from bot.domain.jobs.reply_forms import (
    EDIT,
    EITHER,
    EXTEND,
    LanguageForms,
    compile_patterns,
    list_forms,
    match_any,
    split_words,
)

# -- German

_DE_THE: Final = r"(?:den|die|das|dem|der|ein|eine|einen|seine\w*|ihre\w*|alle\w*|mal|bitte)"
_DE_IT: Final = rf"(?:es|ihn|sie|alles|{_DE_THE}(?: \w+){{1,2}})"
_DE_COMPARED: Final = match_any(
    """langsamer,schneller,heller,dunkler,bunter,warmer,kalter,weicher,scharfer,dusterer,grosser,
    kleiner,farbenfroher,nebliger,leiser,gruner,blauer,roter,dramatischer,weniger hell"""
)
_DE_NOUNS: Final = match_any(
    """hut,brille,bart,text,schrift,untertitel,logo,musik,ton,stimme,stimmen,leute,menschen,
    hintergrund,nebel,regen,schnee,wind,rauch,feuer,wolken,baume,blumen,wasser,wellen,vogel,autos,
    auto,licht,schatten,farbe,farben,kontrast,blut,haare,jacke"""
)
GERMAN_FORMS: Final = LanguageForms(
    polite=compile_patterns("(?:bitte|ok|okay|hey|und|jetzt|nun|also|clapper|bot|vielleicht) "),
    polite_end=compile_patterns("(?: (?:bitte|jetzt|mal|bidde))+$"),
    sequence=compile_patterns(
        r"\b(?:dann|danach|plotzlich|auf einmal|anschliessend|schliesslich|langsam|spater"
        r"|kurz darauf|bis|wahrend|nachdem|bevor|am ende|zum schluss|allmahlich)\b"
    ),
    forms=list_forms(
        (EXTEND, r"(?:fuge?|hange?) .*(?:szene|stelle|einstellung|moment|ende)\b.*"),
        (EDIT, rf"(?:entferne?|losche?|radiere|streiche) (?:mal |bitte )*(?!mich|uns){_DE_THE} .+"),
        (EDIT, r"(?:entferne?|losche?) (?!mich|uns|das\b|es\b)\w+(?: .+)?"),
        (
            EDIT,
            r"nimm (?:mal |bitte )*(?:den|die|das|ihm|ihr|ihnen|seine\w*|ihre\w*|alle\w*) .+"
            r"(?:raus|weg|ab|heraus|runter)",
        ),
        (EDIT, r"(?:ersetze?|tausche?|vertausche|wechsle|wechsel) .+ (?:durch|mit|gegen) .+"),
        (EDIT, r"tausche? .+ aus"),
        (EDIT, rf"(?:mehr|weniger) {_DE_NOUNS}(?: (?:im|in|am|auf) .+)?"),
        (EDIT, r"(?:verwandle|verwandel|mache?|transformiere) .+ (?:in|zum|zur|zu) \w+(?: .+)?"),
        (EDIT, r"mache? (?:mal )?(?:\w+ ){1,3}(?:draus|daraus)"),
        (EITHER, r"mache? dass? .+ (?:ist|hat|wird|tragt|aussieht|regnet|schneit)\b.*"),
        (EXTEND, r"mache? (?:dass .+|das (?:er|sie|es) .+)"),
        (EITHER, rf"mache? {_DE_IT}(?: \w+)* (?:an|aus|auf|zu)"),
        (
            EDIT,
            r"mache? (?:mal |bitte )*(?!es (?:gut|besser|dir|euch|noch|nochmal|richtig|wie)|das"
            r" (?:noch|nochmal|mal|gleich|immer|auch)|die biege|den abflug)"
            rf"{_DE_IT} .+",
        ),
        (EDIT, r"mache? (?:daraus|draus) (?:ein|eine|einen) .+"),
        (
            EITHER,
            r"mache? (?!(?:mal )?halblang|schluss|nochmal|hinne|dir|euch|doch|weiter|hin\b"
            r"|das noch).+",
        ),
        (
            EDIT,
            r"(?:andere?|verandere) (?:mal |bitte )*(?:die|den|das|dem|seine\w*|ihre\w*|alles)"
            r" .+",
        ),
        (EDIT, r"fuge? .+ (?:hinzu|ein|dazu)(?: .+)?"),
        (EDIT, r"(?:setze?|ziehe?|lege?) (?:ihm|ihr|ihnen|dem \w+|der \w+) .+ (?:auf|an|um)"),
        (
            EDIT,
            r"(?:gib|gebe|verpasse?) (?:ihm|ihr|ihnen|dem \w+|der \w+|den \w+) (?!zeit|recht"
            r"|eine chance|saures|alles|gas|nen|einen (?:keks|orden|preis|oscar))\w+(?: .+)?",
        ),
        (
            EDIT,
            r"(?:farbe?|bemale|verlangsame|beschleunige|erhohe|verringere|reduziere|vergrossere"
            r"|verkleinere) (?:mal |bitte )*(?:den|die|das|ihn|sie|es|seine\w*|ihre\w*) .+",
        ),
        (
            EDIT,
            r"(?:ohne|weg mit) (?:den|dem|die|das|der|seine\w*|ihre\w*|jede\w*|alle\w*) "
            r"(?!geringste|hilfe|frage)\w+(?: .+)?",
        ),
        (EDIT, rf"(?:ohne|kein|keine|keinen) (?:\w+ )?{_DE_NOUNS}"),
        (
            EDIT,
            r"(?:(?:genau )?(?:das|die|der)? ?(?:gleiche|selbe)(?: szene)?|dasselbe|nochmal"
            r"|noch mal|noch einmal|gleich)(?: nochmal)? (?:aber .+|nur .+|bei nacht)",
        ),
        (EDIT, r"(?:aber )?im (?:stil (?:von|eines|einer|des|der)|\w+ ?stil) ?.*"),
        (EDIT, r"(?:aber )?in (?:schwarz ?weiss|zeitlupe|sepia)"),
        (
            EDIT,
            r"(?:aber )?als (?:cartoon|anime|aquarell|gemalde|olgemalde|comic|zeichentrick"
            r"|zeichentrickfilm|knetfigur|lego)(?: .+)?",
        ),
        (EDIT, r"(?:ein|eine|einen) (?:\w+ ){1,3}(?:statt|anstatt|anstelle) .+"),
        (EITHER, r"lasse? .+ (?:schneien|regnen|leuchten|gluhen|verschwinden|werden|sein|tragen)"),
        (EITHER, r"lasse? (?:\w+ )?es (?:schneien|regnen)\b.*"),
        (EXTEND, r"lasse? (?!.*\bkochen$).+ \w{3,}(?:en|ern|eln)\b.*"),
        (EXTEND, r"(?:zoome?|schwenke?|folge|zeige?|fahre?|animiere|blende zu) .+"),
        (EITHER, r"drehe? (?:ihn|sie|es|den|die|das) .+"),
        (EITHER, r"(?:lasse? (?!es$|gut\b|sein\b|das\b|mal\b)|setze? ).+"),
        (EITHER, r"(?:zeichne|setze?|blende|fuge?|verwandel|verwandle|ersetze) .+"),
    ),
    fragments=compile_patterns(
        _DE_COMPARED,
        rf"(?:mit )?(?:mehr|weniger|ohne|kein|keine) {_DE_NOUNS}",
        r"(?:aber )?mit (?:einem|einer|mehr|weniger|vielen) (?:\w+ ?){1,4}",
        r"schwarz ?weiss|zeitlupe|bei nacht|nachts",
        r"aber (?:bei|mit|ohne|als|im|in) .+",
        r"(?:es|er|sie|(?:der|die|das) \w+) soll(?:te)? .+ (?:sein|haben|tragen|aussehen)",
    ),
    whole=compile_patterns(
        rf"(?:(?:etwas|ein bisschen|bisschen|ein wenig|nbisschen|n bisschen|ein klein wenig) )?"
        rf"{_DE_COMPARED}(?: und {_DE_COMPARED})*",
        r"(?:das gleiche|dasselbe|nochmal|das selbe) aber (?:in )?schwarz ?weiss",
        r"in schwarz ?weiss",
    ),
    markers=compile_patterns(
        r"\b(?:stattdessen|statt|in schwarz|im stil|aber (?:in|mit|ohne|als|bei))\b"
    ),
    idioms=compile_patterns(
        r"\b(?:mach (?:es|das) (?:einfach|selbst|nicht|schon)|mach ihn (?:fertig|platt|kalt)|am rad"
        r"|den ton auf|im dorf|finger davon|einen (?:orden|keks)|eine chance|chat|server|sticker"
        r"|profilbild|hintergrundbild|emoji)\b"
    ),
    allowed=split_words("""leute weiss gruselig suss komisch lustig wild"""),
)

# -- French

_FR_THE: Final = r"(?:le|la|les|l|un|une|des|du|de la|de l|de|son|sa|ses|leur|leurs|tous|toutes)"
_FR_COMPARED: Final = (
    r"(?:plus|moins) (?:lent|lente|lentement|sombre|clair|claire|lumineux|lumineuse|vif|vive|rapide"
    r"|doux|douce|net|nette|flou|floue|colore|coloree|chaud|chaude|froid|froide|grand|grande|petit"
    r"|petite|contraste|dramatique|sature|brillant|brillante)"
)
_FR_NOUNS: Final = match_any(
    """chapeau,lunettes,barbe,moustache,texte,sous titres,logo,musique,son,voix,gens,personnes,fond,
    brouillard,brume,pluie,neige,vent,fumee,feu,nuages,arbres,fleurs,eau,vagues,oiseaux,voitures,
    voiture,lumiere,ombre,ombres,couleur,couleurs,contraste,flou,sang,cheveux"""
)
FRENCH_FORMS: Final = LanguageForms(
    polite=compile_patterns(
        "(?:stp|svp|s il te plait|s il vous plait|ok|et|maintenant|alors|hey|clapper|bot) "
    ),
    polite_end=compile_patterns(
        "(?: (?:stp|svp|s il te plait|s il vous plait|maintenant|please|plz))+$"
    ),
    sequence=compile_patterns(
        r"\b(?:puis|ensuite|soudain|soudainement|tout a coup|apres|enfin|finalement|lentement"
        r"|doucement|peu a peu|petit a petit|a la fin|jusqu|pendant|tandis|quand|avant que)\b"
    ),
    forms=list_forms(
        (
            EXTEND,
            r"(?:ajoute|rajoute)z? (?:une|la|un|encore une) (?:\w+ )?(?:scene|sequence|plan"
            r"|moment|fin)\b.*",
        ),
        (
            EDIT,
            rf"(?:enleve|retire|supprime|efface|vire|gomme)(?:z|s)? (?:lui |leur )?{_FR_THE} .+",
        ),
        (EDIT, r"(?:remplace|echange)z? .+ (?:par|avec|contre) .+"),
        (
            EDIT,
            r"(?:change|modifie)z? (?!rien|pas|moi|de sujet|d avis|de disque|la vie|le monde)"
            r"\w+ .+",
        ),
        (EDIT, r"donnez? (?:lui|leur) (?!raison|du temps|un oscar|une medaille).+"),
        (EDIT, r"donnez? (?:un|une|des) .+ (?:a|au|aux) .+"),
        (EDIT, r"transformez? (?!toi|moi).+ en .+"),
        (EDIT, rf"rend(?:s|ez)? (?:{_FR_THE}) (?!monnaie|argent).+"),
        (
            EDIT,
            rf"met(?:s|tez) (?:lui|leur|{_FR_THE}|plus de|moins de|plus d|moins d) (?!feu\b|lien"
            r"\b|paquet\b|(?:son|musique|volume)$).+",
        ),
        (
            EITHER,
            r"(?:ajoute|rajoute)z? (?:une|un|des) (?:\w+ )?(?:explosions?|saut|danse|combat"
            r"|baiser|mouvement)\b.*",
        ),
        (
            EDIT,
            rf"(?:ajoute|rajoute)z? (?:lui |leur |y )?(?:{_FR_THE}|plus de|plus d|deux|trois) "
            r"(?!lien\b|commentaire\b|like\b).+",
        ),
        (
            EDIT,
            r"(?:colorie|colore|peins|eclaircis|assombris|ralentis|accelere|floute|habille"
            rf"|inverse|agrandis|reduis) (?:{_FR_THE}) .+",
        ),
        (EDIT, r"(?:ralentis|accelere|assombris|eclaircis|colorie|floute) (?:le|la|les) .+"),
        (
            EITHER,
            r"fai(?:s|tes) (?:(?:le|la|les|lui|leur) )?(?:pleuvoir|neiger|briller|apparaitre"
            r"|disparaitre|grandir|sourire|dormir)\b.*",
        ),
        (
            EXTEND,
            r"fai(?:s|tes) (?:(?:le|la|les|lui|leur|l) )?(?!noir|clair|hiver|voir|savoir"
            r"|tourner|suivre|croquer|passer|mer\b|soir)\w{3,}(?:er|ir|re|oir)\b.*",
        ),
        (EDIT, r"fai(?:s|tes) (?:en|le|la|les) (?:un|une|en|de|du|tout|toute) .+"),
        (EDIT, r"fai(?:s|tes) (?:le|la|les|l)(?: \w+){0,2} (?:plus|moins) .+"),
        (
            EDIT,
            r"fai(?:s|tes)(?: en sorte)? qu (?:il|elle) (?:fasse (?:nuit|jour|sombre|gris)"
            r"|soit|ait|porte)\b.*",
        ),
        (EXTEND, r"fai(?:s|tes) qu(?:e|il|elle|ils)? .+"),
        (
            EDIT,
            r"sans (?:le|la|les|l|son|sa|ses|aucun|aucune) (?!savoir|vouloir|moindre|faire|dire)"
            r"\w+(?: .+)?",
        ),
        (EDIT, rf"(?:sans|pas de|plus de) (?:\w+ )?{_FR_NOUNS}"),
        (EDIT, r"(?:re)?(?:fais )?(?:pareil|(?:la )?meme (?:chose|scene)|(?:le|la) meme) mais .+"),
        (EDIT, r"(?:mais )?dans (?:le|un) style .+"),
        (
            EDIT,
            r"(?:mais )?en (?:noir et blanc|dessin anime|aquarelle|pixel art|manga|lego|sepia"
            r"|pate a modeler|style .+)",
        ),
        (EDIT, r"(?:mais )?au ralenti"),
        (EDIT, r"(?:un|une|des) (?:\w+ ){1,3}(?:a la place|au lieu) ?.*"),
        (EXTEND, r"(?:zoome|zoomez|montre|montrez|continue|recule|avance|anime|laisse|laissez) .+"),
        (
            EITHER,
            r"(?:fais|faites|ajoute|ajoutez|mets|transforme|change|tourne|enleve|remplace) "
            r"(?!voir|gaffe|rien|pas\b|attention|comme|suivre|tourner).+",
        ),
    ),
    fragments=compile_patterns(
        _FR_COMPARED,
        rf"(?:avec )?(?:plus de|plus d|moins de|moins d|sans) {_FR_NOUNS}(?: .+)?",
        r"(?:mais )?avec (?:un|une|des|plus de|moins de) (?:\w+ ?){1,4}",
        r"noir et blanc|de nuit|au ralenti|style (?:\w+ ?){1,2}",
        r"mais (?:de|en|avec|sans|dans) .+",
    ),
    whole=compile_patterns(
        rf"(?:(?:un peu|un tout petit peu|legerement|un poil) )?{_FR_COMPARED}"
        rf"(?: et {_FR_COMPARED})*",
    ),
    markers=compile_patterns(
        r"\b(?:a la place|au lieu d|en noir et blanc|dans le style|mais (?:de|en|avec|sans))\b"
    ),
    idioms=compile_patterns(
        r"\b(?:bot|doute|la table|les gaz|la gomme|le paquet|like|pouce|volume|tranquille|peter"
        r"|on est|c est|ce serait|serveur|sticker|emoji|photo de profil|fond d ecran|argent|monnaie"
        r"|oscar|medaille)\b"
    ),
    allowed=split_words(
        """style chapeau mec mecs gars drole bizarre mignon mignonne flippant
        beau belle fou folle"""
    ),
)

# -- Spanish

_ES_THE: Final = r"(?:el|la|los|las|al|un|una|unos|unas|su|sus|todo|toda|todos|todas)"
_ES_COMPARED: Final = (
    r"(?:mas|menos) (?:lento|lenta|despacio|rapido|rapida|oscuro|oscura|claro|clara|brillante"
    r"|luminoso|luminosa|nitido|nitida|borroso|borrosa|suave|grande|pequeno|pequena|calido|calida"
    r"|frio|fria|colorido|colorida|dramatico|dramatica|contraste)"
)
_ES_NOUNS: Final = match_any(
    """sombrero,gafas,barba,bigote,texto,letras,subtitulos,logo,musica,sonido,voz,voces,gente,
    personas,fondo,niebla,lluvia,nieve,viento,humo,fuego,nubes,arboles,flores,agua,olas,pajaros,
    coches,coche,luz,luces,sombra,sombras,color,colores,contraste,sangre,pelo"""
)
SPANISH_FORMS: Final = LanguageForms(
    polite=compile_patterns("(?:por favor|porfa|ok|vale|y|ahora|oye|hey|clapper|bot) "),
    polite_end=compile_patterns("(?: (?:por favor|porfa|porfavor|porfi|plis|ahora|please))+$"),
    sequence=compile_patterns(
        r"\b(?:luego|entonces|despues|de repente|de pronto|finalmente|lentamente|poco a poco"
        r"|mientras|al final|hasta|cuando|a continuacion|mas tarde|antes de)\b"
    ),
    forms=list_forms(
        (
            EXTEND,
            r"(?:anade|agrega) (?:una|la|un|otra) (?:\w+ )?(?:escena|secuencia|toma|parte"
            r"|plano|momento|final)\b.*",
        ),
        (
            EDIT,
            rf"(?:quita|quitale|quitales|borra|borrale|elimina|remueve|retira) (?:a )?{_ES_THE} .+",
        ),
        (EITHER, rf"(?:saca|sacale) {_ES_THE} .+"),
        (EDIT, r"(?:reemplaza|sustituye|intercambia|cambia) .+ (?:por|con|a|en) .+"),
        (
            EDIT,
            r"(?:cambia|cambiale|modifica) (?!nada|de (?:tema|opinion|idea|canal)"
            r"|el (?:mundo|chip|disco))\w+ .+",
        ),
        (EDIT, r"(?:convierte|transforma)(?:lo|la|los|las) en .+"),
        (EDIT, rf"(?:convierte|transforma) {_ES_THE} .+ en .+"),
        (EXTEND, r"haz(?:lo|la|los|las) \w+(?:ar|er|ir)\b.*"),
        (
            EDIT,
            r"haz(?:lo|la|los|las) (?!otra|de nuevo|tu\b|ya\b|posible|bien|mejor|realidad"
            r"|viral)\w+(?: .+)?",
        ),
        (
            EDIT,
            r"haz que (?:\w+ ){0,3}(?:sea|sean|este|esten|tenga|tengan|lleve|lleven|parezca"
            r"|parezcan|se vea|haya)\b.*",
        ),
        (EITHER, r"haz que (?:\w+ ){0,3}(?:llueva|nieve|brille|desaparezca|aparezca|crezca)\b.*"),
        (EXTEND, r"haz que .+"),
        (
            EDIT,
            rf"haz {_ES_THE} (?:\w+ ){{1,2}}(?:mas|menos|de|en|azul|rojo|roja|verde|negro|negra"
            r"|blanco|blanca|amarillo|amarilla|rosa|gris)\b.*",
        ),
        (EDIT, r"pon(?:le|les) (?!ganas|empeno|un (?:diez|10|like)|otra)\w+ .+"),
        (EDIT, r"pon (?:mas|menos) .+"),
        (EDIT, r"dal(?:e|es) (?:un|una|unos|unas) (?!like|oscar|premio|minuto|descanso|tiempo).+"),
        (EXTEND, r"haz \w{3,}(?:ar|er|ir) .+"),
        (EDIT, r"pon(?:lo|la|los|las) (?:de|en|mas|menos|a) .+"),
        (EDIT, rf"pon {_ES_THE} (?!enlace|link|cancion).+"),
        (
            EITHER,
            r"(?:anade|agrega)(?:le)? (?:una|un|unas) (?:\w+ )?(?:explosion|salto|baile|pelea"
            r"|beso|movimiento)\b.*",
        ),
        (EDIT, r"(?:anade|agrega)(?:le|les)? (?!me\b|enlace|link|comentario)\w+(?: .+)?"),
        (
            EDIT,
            r"(?:pinta|colorea|oscurece|aclara|ilumina|ralentiza|acelera|desenfoca|viste|agranda)"
            rf" {_ES_THE} .+",
        ),
        (EDIT, r"(?:viste|pinta|oscurece|aclara|ralentiza|acelera)(?:lo|la|los|las) .+"),
        (
            EDIT,
            r"sin (?:el|la|los|las|su|sus|ningun|ninguna) (?!menor|mas minimo|querer)\w+(?: .+)?",
        ),
        (EDIT, rf"(?:sin|nada de) (?:\w+ )?{_ES_NOUNS}"),
        (EDIT, r"(?:igual|lo mismo|(?:el|la) mism[oa](?: escena)?) pero .+"),
        (EDIT, r"(?:pero )?(?:al|en el|con el|con) estilo .+"),
        (
            EDIT,
            r"(?:pero )?en (?:blanco y negro|camara lenta|acuarela|pixel art|lego|sepia"
            r"|estilo .+|dibujos animados)",
        ),
        (EDIT, r"(?:con )?(?:un|una) (?:\w+ ){1,3}en (?:vez|lugar) de .+"),
        (EXTEND, r"(?:muestra|acerca|aleja|sigue|continua|anima|gira|mueve|deja) .+"),
        (
            EITHER,
            r"(?:haz|pon|cambia|quita|reemplaza|transforma|convierte) (?!otr[oa]|mas$|uno|caso"
            r"|el (?:chip|disco)|de canal|de tema|nada).+",
        ),
    ),
    fragments=compile_patterns(
        _ES_COMPARED,
        rf"(?:con )?(?:mas|menos|sin) {_ES_NOUNS}(?: .+)?",
        r"(?:pero )?con (?:un|una|mas|menos) (?:\w+ ?){1,4}",
        r"blanco y negro|de noche|camara lenta|estilo (?:\w+ ?){1,2}",
        r"pero (?:de|en|con|sin) .+",
    ),
    whole=compile_patterns(
        r"que (?:sea|se haga) de (?:noche|dia)|que sea (?:invierno|verano|otono|primavera)",
        rf"(?:(?:un poco|un poquito|ligeramente|algo) )?{_ES_COMPARED}(?: y {_ES_COMPARED})*",
    ),
    markers=compile_patterns(
        r"\b(?:en vez de|en lugar de|en blanco y negro|al estilo|pero (?:de|en|con|sin))\b"
    ),
    idioms=compile_patterns(
        r"\b(?:bot|like|enlace|cuenta|cambia la cara|mas alta|no (?:es|somos|seria)|seria|deja de"
        r"|servidor|sticker|emoji|foto de perfil|fondo de pantalla|la cama|el favor|premio)\b"
    ),
    allowed=split_words(
        """feo fea raro rara divertido gracioso tio tipo lindo linda bonito bonita"""
    ),
)
