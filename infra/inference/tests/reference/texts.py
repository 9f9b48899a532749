"""Texts that the reference outputs are computed of, and sentences that small vocabularies are learnt from."""

CORPUS = [
    "The ferry leaves the harbour at seven and comes back before it is dark.",
    "Please send the invoice of last month to the address below.",
    "Our office is open from nine to five, except on public holidays.",
    "She asked whether the parcel could be delivered on Saturday.",
    "A contract can be cancelled within fourteen days without giving reasons.",
    "He opened the window, looked at the river and closed it again.",
    "The report compares rainfall, temperature and wind of three years.",
    "Nothing is known yet about the cause of the fire in the old mill.",
    "Two cups of flour, one egg, a little salt and as much water as needed.",
    "The unbelievable kindness of strangers is remembered longest.",
    "O barco parte do porto às sete e volta antes de escurecer.",
    "Por favor, envie a fatura do mês passado para o endereço abaixo.",
    "A reunião foi adiada porque não havia ninguém na sala.",
    "Quanto custa a entrega em São Paulo e em Goiânia?",
    "O café da manhã é servido até às dez horas, também aos domingos.",
    "El tren llega tarde otra vez; mañana habrá más información.",
    "La réunion de l'équipe a été reportée à jeudi prochain.",
    "Der Vertrag läuft Ende März aus, die Straße ist für Lkw gesperrt.",
    "Сегодня поезд опаздывает на двадцать минут из-за снега.",
    "Το πλοίο φεύγει από το λιμάνι στις επτά το πρωί.",
    "تغادر العبارة الميناء في الساعة السابعة صباحا وتعود قبل الظلام.",
    "يرجى إرسال الفاتورة إلى العنوان المذكور أدناه.",
    "המעבורת יוצאת מהנמל בשבע בבוקר וחוזרת לפני החשכה.",
    "בבקשה לשלוח את החשבונית לכתובת הרשומה למטה.",
    "เรือออกจากท่าเวลาเจ็ดโมงเช้าและกลับก่อนมืด",
    "กรุณาส่งใบแจ้งหนี้ไปยังที่อยู่ด้านล่าง",
    "渡轮早上七点离开港口，天黑之前回来。",
    "请把上个月的发票寄到下面的地址。",
    "フェリーは朝七時に港を出て、暗くなる前に戻ります。",
    "先月の請求書を下記の住所に送ってください。",
    "여객선은 아침 일곱 시에 항구를 떠나 어두워지기 전에 돌아온다.",
    "지난달 청구서를 아래 주소로 보내 주세요.",
    "नौका सुबह सात बजे बंदरगाह से निकलती है और अँधेरा होने से पहले लौटती है।",
    "कृपया पिछले महीने का बिल नीचे दिए पते पर भेजें।",
    "Order 4711 of 2024-05-17: 3 x 19.99 = 59.97 EUR, paid in 14 days (#A-17).",
]

LONG = (
    "The ferry leaves the harbour at seven. Nobody who waits at the pier knows whether the captain has slept. "
    "Gulls follow the wake, an old man sells tickets, and the invoice of last month still lies on the table. "
)

TEXTS = [
    "",
    "a",
    " ",
    "The ferry leaves the harbour at seven.",
    "the FERRY leaves the Harbour AT seven",
    "Unbelievable! Isn't it (really) 100% -- or 3.14159?",
    "O café da manhã é servido às dez; não há pão, só maçãs.",
    "Straße, œuvre, naïve, Ångström, İstanbul, ŁÓDŹ",
    "تغادر العبارة الميناء في الساعة السابعة، أليس كذلك؟",
    "וְהַמַּעֲבֹרֶת יוֹצֵאת מֵהַנָּמָל בְּשֶׁבַע",
    "เรือออกจากท่าเวลาเจ็ดโมงเช้า ๑๒๓",
    "渡轮早上七点离开港口，𠮷野家也开门。",
    "フェリーは朝七時に港を出ます。ﾊﾝｶｸも。",
    "여객선은 아침 일곱 시에 떠난다 한글",
    "नौका सुबह सात बजे निकलती है। क्षत्रिय",
    "Πλοίο από το λιμάνι; Поезд опаздывает. Ёлка",
    "👩‍👩‍👧‍👦 family 👍🏽 flag 🇧🇷 heart ❤️ and 🏴󠁧󠁢󠁷󠁬󠁳󠁿",
    "e\u0301 a\u0308 n\u0303 o\u0302\u0301 versus é ä ñ ố; ﬁ ﬂ ㎏ ① Ⅳ ½ ｆｕｌｌ",
    "control\u0001 \u0007bell\u001b[31m \u007f and \u0085next \u200bzero\u200d width\ufeff",
    "tab\there\nnew line\r\nreturn\u000bvertical\u000cform\u00a0no-break\u3000wide\u2028line",
    "nul\u0000in the middle\u0000",
    "unassigned \u0378 private \ue000 replaced \ufffd last \U0010ffff",
    "[CLS] [SEP] [PAD] [MASK] [UNK] <s> </s> <pad> <mask> <unk>",
    "<mask>, or the [MASK]ed word",
    "  leading, trailing   and  inner blanks  ",
    "https://example.com/a?b=c&d=%20#e user@example.com C:\\temp\\x.txt",
    "supercalifragilisticexpialidocious" * 8,
    "x" * 300,
    "1234567890 " * 12,
    "....!!!!????----____",
    "ff\u0304\u0304\u0304\u0304\u0304\u0304\u0304\u0304\u0304\u0304 stacked marks",
    "ok 👍 到達 شكرا obrigado спасибо ありがとう धन्यवाद",
    LONG.strip(),
    (LONG * 4).strip(),
]

# A query and a document. Both may be too long, and one or both may be empty.
PAIRS = [
    ["When does the ferry leave?", "The ferry leaves the harbour at seven."],
    ["When does the ferry leave?", "Please send the invoice of last month."],
    ["", ""],
    ["", "The ferry leaves the harbour at seven."],
    ["When does the ferry leave?", ""],
    ["a", "b"],
    ["Quando parte o barco?", "O barco parte do porto às sete e volta antes de escurecer."],
    ["متى تغادر العبارة؟", "تغادر العبارة الميناء في الساعة السابعة صباحا"],
    ["מתי יוצאת המעבורת?", "הַמַּעֲבֹרֶת יוֹצֵאת בשבע"],
    ["เรือออกกี่โมง", "เรือออกจากท่าเวลาเจ็ดโมงเช้า"],
    ["渡轮几点离开？", "渡轮早上七点离开港口，天黑之前回来。"],
    ["何時に出ますか", "フェリーは朝七時に港を出て、暗くなる前に戻ります。"],
    ["언제 떠나요?", "여객선은 아침 일곱 시에 항구를 떠난다."],
    ["नौका कब निकलती है?", "नौका सुबह सात बजे बंदरगाह से निकलती है।"],
    ["👍🏽 or 👩‍👩‍👧‍👦?", "e\u0301 and é, \u0000nul, tab\t, line\n"],
    ["[SEP] </s> <pad>", "[PAD] <s> [MASK] <mask>"],
    ["  blanks  ", "   "],
    ["When does the ferry leave?", (LONG * 4).strip()],
    [(LONG * 4).strip(), "The ferry leaves the harbour at seven."],
    [LONG.strip(), LONG.strip()],
    [(LONG * 4).strip(), (LONG * 4).strip()],
    ["x" * 300, "y" * 300],
]


def every_length():
    """Texts for the real model: those above and some of each length, to beyond what it reads."""
    words = " ".join(CORPUS[:18]).split()
    lengths = [2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 190]
    mixed = " ".join(CORPUS)
    return TEXTS + [" ".join(words[length : 2 * length]) for length in lengths] + [mixed, (mixed + " ") * 3]
