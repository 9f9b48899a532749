//! What each type of HEAR makes of answers, and how it asks again.

use basic::{Effect, File, Input, Limits, Machine, Step, Value};
use expect_test::{Expect, expect};

use crate::transcript::{check, now, program, start};

/// What TALK shows of an answer, or the sentence with which it is asked for again.
fn heard(script: &str, input: Input) -> String {
    let mut machine = Machine::start(program(script), start(Limits::default()));
    assert!(matches!(machine.run(Input::Start, now(), 1000), Step::Waiting(_)));
    match machine.run(input, now(), 1000) {
        Step::Effect(Effect::Talk { text }) => text,
        other => panic!("unexpected: {other:?}"),
    }
}

#[track_caller]
fn check_answers(kind: &str, answers: &[&str], expected: Expect) {
    let script = format!("HEAR x AS {kind}\nTALK \"= \" + x");
    let lines = answers
        .iter()
        .map(|answer| format!("{answer} {}\n", heard(&script, Input::text(*answer))));
    expected.assert_eq(&lines.collect::<String>());
}

fn file(name: &str, media_type: &str) -> File {
    File {
        id: format!("id of {name}"),
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        bytes: 1234,
        url: format!("/files/{name}"),
    }
}

#[track_caller]
fn check_files(kind: &str, text: &str, files: &[File], expected: Expect) {
    let input = Input::Answer {
        text: text.to_owned(),
        files: files.to_vec(),
    };
    expected.assert_eq(&heard(&format!("HEAR x AS {kind}\nTALK x"), input));
}

#[test]
fn times_of_day() {
    check_answers(
        "HOUR",
        &[
            "14:30",
            "14h30",
            "14h",
            "9pm",
            "9:05 PM",
            "12am",
            "12 pm",
            "0930",
            "9",
            " 7.15 ",
            "23:59:59",
            "meio-dia",
            "midnight",
            "13pm",
            "24:00",
            "9:5",
            "12:60",
            "",
            "later",
            "١٢:٣٠",
            "14 h 30",
        ],
        expect![[r#"
            14:30 = 14:30
            14h30 = 14:30
            14h = 14:00
            9pm = 21:00
            9:05 PM = 21:05
            12am = 00:00
            12 pm = 12:00
            0930 = 09:30
            9 = 09:00
             7.15  = 07:15
            23:59:59 = 23:59
            meio-dia = 12:00
            midnight = 00:00
            13pm That is not a time of day. Please send hours and minutes, for example 14:30.
            24:00 That is not a time of day. Please send hours and minutes, for example 14:30.
            9:5 That is not a time of day. Please send hours and minutes, for example 14:30.
            12:60 That is not a time of day. Please send hours and minutes, for example 14:30.
             That is not a time of day. Please send hours and minutes, for example 14:30.
            later That is not a time of day. Please send hours and minutes, for example 14:30.
            ١٢:٣٠ That is not a time of day. Please send hours and minutes, for example 14:30.
            14 h 30 = 14:30
        "#]],
    );
}

#[test]
fn amounts_of_money() {
    check_answers(
        "MONEY",
        &[
            "10",
            "1,234.56",
            "1.234,56",
            "R$ 1.234,56",
            "US$10",
            "€ 9,90",
            "9,90 euros",
            "1.234",
            "1,234",
            "0.125",
            "10.999",
            "-5,50",
            "$ -3",
            "1 234,50",
            "1.234.567",
            "1,23,4",
            "12.34.56",
            "",
            "abc",
            "1e5",
            "999999999999999999",
            "1.2345,6",
            "5 reais",
        ],
        expect![[r#"
            10 = 10
            1,234.56 = 1234.56
            1.234,56 = 1234.56
            R$ 1.234,56 = 1234.56
            US$10 = 10
            € 9,90 = 9.9
            9,90 euros = 9.9
            1.234 = 1234
            1,234 = 1234
            0.125 = 0.13
            10.999 = 10999
            -5,50 = -5.5
            $ -3 = -3
            1 234,50 = 1234.5
            1.234.567 = 1234567
            1,23,4 That is not an amount of money. Please send a number, for example 1,234.56.
            12.34.56 That is not an amount of money. Please send a number, for example 1,234.56.
             That is not an amount of money. Please send a number, for example 1,234.56.
            abc That is not an amount of money. Please send a number, for example 1,234.56.
            1e5 That is not an amount of money. Please send a number, for example 1,234.56.
            999999999999999999 That is not an amount of money. Please send a number, for example 1,234.56.
            1.2345,6 That is not an amount of money. Please send a number, for example 1,234.56.
            5 reais = 5
        "#]],
    );
}

#[test]
fn telephone_numbers() {
    check_answers(
        "MOBILE",
        &[
            "+55 (11) 91234-5678",
            "202.555.0123",
            "0049 30 123456",
            "1234567",
            "1234567890123456",
            "call me",
            "+",
            "12345678a",
        ],
        expect![[r#"
            +55 (11) 91234-5678 = 5511912345678
            202.555.0123 = 2025550123
            0049 30 123456 = 004930123456
            1234567 That is not a telephone number. Please send it with its area code, for example +1 202 555 0123.
            1234567890123456 That is not a telephone number. Please send it with its area code, for example +1 202 555 0123.
            call me That is not a telephone number. Please send it with its area code, for example +1 202 555 0123.
            + That is not a telephone number. Please send it with its area code, for example +1 202 555 0123.
            12345678a That is not a telephone number. Please send it with its area code, for example +1 202 555 0123.
        "#]],
    );
}

#[test]
fn postal_codes() {
    check_answers(
        "CEP",
        &[
            "01310-100",
            "01310100",
            "10001",
            "sw1a  1aa",
            "10001-0001",
            "12",
            "abc",
            "",
            "123456789012",
            "01.310-100",
        ],
        expect![[r#"
            01310-100 = 01310-100
            01310100 = 01310-100
            10001 = 10001
            sw1a  1aa = SW1A 1AA
            10001-0001 = 10001-0001
            12 That is not a postal code. Please send one, for example 10001 or 01310-100.
            abc That is not a postal code. Please send one, for example 10001 or 01310-100.
             That is not a postal code. Please send one, for example 10001 or 01310-100.
            123456789012 That is not a postal code. Please send one, for example 10001 or 01310-100.
            01.310-100 = 01310-100
        "#]],
    );
}

#[test]
fn languages_have_codes() {
    check_answers(
        "LANGUAGE",
        &[
            "pt",
            "pt-BR",
            "en_US",
            "Português",
            "German",
            "alemão",
            "Deutsch!",
            "日本語",
            "xx",
            "",
            "Klingon",
        ],
        expect![[r#"
            pt = pt
            pt-BR = pt
            en_US = en
            Português = pt
            German = de
            alemão = de
            Deutsch! = de
            日本語 = ja
            xx I do not know that language. Please send its name or code, for example English or en.
             I do not know that language. Please send its name or code, for example English or en.
            Klingon I do not know that language. Please send its name or code, for example English or en.
        "#]],
    );
}

#[test]
fn tax_numbers_of_people_and_companies() {
    check_answers(
        "CPF",
        &[
            "529.982.247-25",
            "52998224725",
            "529.982.247-24",
            "111.111.111-11",
            "5299822472",
            "",
            "5299822472x",
        ],
        expect![[r#"
            529.982.247-25 = 52998224725
            52998224725 = 52998224725
            529.982.247-24 That is not a valid CPF. Please send all 11 digits, for example 529.982.247-25.
            111.111.111-11 That is not a valid CPF. Please send all 11 digits, for example 529.982.247-25.
            5299822472 That is not a valid CPF. Please send all 11 digits, for example 529.982.247-25.
             That is not a valid CPF. Please send all 11 digits, for example 529.982.247-25.
            5299822472x That is not a valid CPF. Please send all 11 digits, for example 529.982.247-25.
        "#]],
    );
    check_answers(
        "CNPJ",
        &[
            "11.222.333/0001-81",
            "11222333000181",
            "11.222.333/0001-82",
            "00000000000000",
            "12.ABC.345/01DE-35",
            "12abc34501de35",
            "12.ABC.345/01DE-36",
            "12ABC34501DEAB",
            "",
        ],
        expect![[r#"
            11.222.333/0001-81 = 11222333000181
            11222333000181 = 11222333000181
            11.222.333/0001-82 That is not a valid CNPJ. Please send all 14 characters, for example 11.222.333/0001-81.
            00000000000000 That is not a valid CNPJ. Please send all 14 characters, for example 11.222.333/0001-81.
            12.ABC.345/01DE-35 = 12ABC34501DE35
            12abc34501de35 = 12ABC34501DE35
            12.ABC.345/01DE-36 That is not a valid CNPJ. Please send all 14 characters, for example 11.222.333/0001-81.
            12ABC34501DEAB That is not a valid CNPJ. Please send all 14 characters, for example 11.222.333/0001-81.
             That is not a valid CNPJ. Please send all 14 characters, for example 11.222.333/0001-81.
        "#]],
    );
}

#[test]
fn cards_are_masked() {
    check_answers(
        "CARD",
        &[
            "4111 1111 1111 1111",
            "5500-0000-0000-0004",
            "4111 1111 1111 1112",
            "0000000000000000",
            "4111",
            "",
        ],
        expect![[r#"
            4111 1111 1111 1111 = **** **** **** 1111
            5500-0000-0000-0004 = **** **** **** 0004
            4111 1111 1111 1112 That is not a valid card number. Please check the digits and send it again.
            0000000000000000 That is not a valid card number. Please check the digits and send it again.
            4111 That is not a valid card number. Please check the digits and send it again.
             That is not a valid card number. Please check the digits and send it again.
        "#]],
    );
}

#[test]
fn addresses_codes_and_colours() {
    check_answers(
        "URL",
        &[
            "https://Example.com/A?b=c#d",
            "example.com",
            "http://localhost:8080/x",
            "ftp://example.com",
            "https://user:pass@example.com",
            "no spaces.com",
            "word",
            "https://-a.com",
            "example.com:99999",
            "javascript:alert(1)",
            "",
        ],
        expect![[r#"
            https://Example.com/A?b=c#d = https://example.com/A?b=c#d
            example.com = https://example.com
            http://localhost:8080/x = http://localhost:8080/x
            ftp://example.com That is not a web address. Please send one, for example https://example.com.
            https://user:pass@example.com That is not a web address. Please send one, for example https://example.com.
            no spaces.com That is not a web address. Please send one, for example https://example.com.
            word That is not a web address. Please send one, for example https://example.com.
            https://-a.com That is not a web address. Please send one, for example https://example.com.
            example.com:99999 That is not a web address. Please send one, for example https://example.com.
            javascript:alert(1) That is not a web address. Please send one, for example https://example.com.
             That is not a web address. Please send one, for example https://example.com.
        "#]],
    );
    check_answers(
        "UUID",
        &[
            "123E4567-E89B-12D3-A456-426614174000",
            "123e4567e89b12d3a456426614174000",
            "{123e4567-e89b-12d3-a456-426614174000}",
            "123e4567-e89b12d3-a456-426614174000",
            "123",
            "",
        ],
        expect![[r#"
            123E4567-E89B-12D3-A456-426614174000 = 123e4567-e89b-12d3-a456-426614174000
            123e4567e89b12d3a456426614174000 = 123e4567-e89b-12d3-a456-426614174000
            {123e4567-e89b-12d3-a456-426614174000} = 123e4567-e89b-12d3-a456-426614174000
            123e4567-e89b12d3-a456-426614174000 That is not a UUID. Please send all 32 digits, for example 123e4567-e89b-12d3-a456-426614174000.
            123 That is not a UUID. Please send all 32 digits, for example 123e4567-e89b-12d3-a456-426614174000.
             That is not a UUID. Please send all 32 digits, for example 123e4567-e89b-12d3-a456-426614174000.
        "#]],
    );
    check_answers(
        "COLOR",
        &[
            "#FF8800",
            "f80",
            "rgb(1, 2, 255)",
            "Azul",
            "red",
            "0xABCDEF",
            "rgb(1,2)",
            "rgb(1,2,256)",
            "#12345",
            "",
            "reddish",
        ],
        expect![[r#"
            #FF8800 = #ff8800
            f80 = #ff8800
            rgb(1, 2, 255) = #0102ff
            Azul = #0000ff
            red = #ff0000
            0xABCDEF = #abcdef
            rgb(1,2) I do not know that colour. Please send its name or code, for example red or #ff0000.
            rgb(1,2,256) I do not know that colour. Please send its name or code, for example red or #ff0000.
            #12345 I do not know that colour. Please send its name or code, for example red or #ff0000.
             I do not know that colour. Please send its name or code, for example red or #ff0000.
            reddish I do not know that colour. Please send its name or code, for example red or #ff0000.
        "#]],
    );
}

#[test]
fn names_to_sign_in_with_and_passwords() {
    check_answers(
        "LOGIN",
        &["Ana.Silva", "ANA@example.com", "a", "ana silva", "_ana", ""],
        expect![[r#"
            Ana.Silva = ana.silva
            ANA@example.com = ana@example.com
            a That is not a user name. Please send a user name or an e-mail address.
            ana silva That is not a user name. Please send a user name or an e-mail address.
            _ana That is not a user name. Please send a user name or an e-mail address.
             That is not a user name. Please send a user name or an e-mail address.
        "#]],
    );
    check_answers(
        "PASSWORD",
        &["12345678", "häßlich1", "1234567", "        ", ""],
        expect![[r#"
            12345678 = 12345678
            häßlich1 = häßlich1
            1234567 That password is too short. Please send at least 8 characters.
                     That password is too short. Please send at least 8 characters.
             That password is too short. Please send at least 8 characters.
        "#]],
    );
    let script = "HEAR x AS SECRET";
    let mut machine = Machine::start(program(script), start(Limits::default()));
    let Step::Waiting(hear) = machine.run(Input::Start, now(), 1000) else {
        panic!("it should wait")
    };
    assert!(hear.kind.is_secret());
}

#[test]
fn the_first_file_that_fits_is_the_answer() {
    let all = [
        file("a.png", "image/png"),
        file("b.ogg", "audio/ogg"),
        file("c.mp4", "video/mp4"),
        file("d.pdf", "application/pdf"),
        file("e.pdf", "application/pdf"),
    ];
    for (kind, expected) in [
        (
            "FILE",
            expect![[
                r#"{"id": "id of a.png", "name": "a.png", "type": "image/png", "size": 1234, "url": "/files/a.png", "text": null}"#
            ]],
        ),
        (
            "PHOTO",
            expect![[
                r#"{"id": "id of a.png", "name": "a.png", "type": "image/png", "size": 1234, "url": "/files/a.png", "text": null}"#
            ]],
        ),
        (
            "VOICE",
            expect![[
                r#"{"id": "id of b.ogg", "name": "b.ogg", "type": "audio/ogg", "size": 1234, "url": "/files/b.ogg", "text": null}"#
            ]],
        ),
        (
            "VIDEO",
            expect![[
                r#"{"id": "id of c.mp4", "name": "c.mp4", "type": "video/mp4", "size": 1234, "url": "/files/c.mp4", "text": null}"#
            ]],
        ),
        (
            "DOCUMENT",
            expect![[
                r#"{"id": "id of d.pdf", "name": "d.pdf", "type": "application/pdf", "size": 1234, "url": "/files/d.pdf", "text": null}"#
            ]],
        ),
    ] {
        check_files(kind, "here they are", &all, expected);
    }
    check_files(
        "PDF",
        "",
        &[file("Report.DOCX", "application/octet-stream")],
        expect![[
            r#"{"id": "id of Report.DOCX", "name": "Report.DOCX", "type": "application/octet-stream", "size": 1234, "url": "/files/Report.DOCX", "text": null}"#
        ]],
    );
}

#[test]
fn without_a_fitting_file_it_is_asked_again() {
    check_files("IMAGE", "see this", &[], expect!["Please send an image."]);
    check_files(
        "IMAGE",
        "",
        &[file("a.pdf", "application/pdf")],
        expect!["Please send an image."],
    );
    check_files(
        "AUDIO",
        "",
        &[file("a.png", "image/png")],
        expect!["Please send a voice message or another audio file."],
    );
    check_files("VIDEO", "", &[], expect!["Please send a video."]);
    check_files(
        "PDF",
        "",
        &[file("a.bin", "application/octet-stream")],
        expect!["Please send a document, for example a PDF."],
    );
    check_files("FILE", "none", &[], expect!["Please send a file."]);
}

#[test]
fn a_code_is_its_text() {
    check_files("QRCODE", " ticket 42 ", &[], expect!["ticket 42"]);
    // The host answers with what a picture says; one that says nothing is no answer.
    check_files(
        "QRCODE",
        "",
        &[file("code.png", "image/png")],
        expect!["Please send a picture of the QR code, or the text that it contains."],
    );
}

#[test]
fn a_default_stands_for_an_answer_without_text_and_files() {
    let script = "HEAR x AS FILE DEFAULT \"none\"\nTALK x";
    assert_eq!(heard(script, Input::text(" ")), "none");
    let input = Input::Answer {
        text: String::new(),
        files: vec![file("a", "image/png")],
    };
    assert!(heard(script, input).contains("id of a"));
}

#[test]
fn fields_of_a_file_can_be_read() {
    check_files("FILE", "", &[], expect!["Please send a file."]);
    let input = Input::Answer {
        text: String::new(),
        files: vec![file("a.png", "image/png")],
    };
    let script = "HEAR f AS FILE\nTALK f.name + \" \" + f.size + \" \" + f.type + \" \" + f.url + \" \" + (f.text IS NULL)";
    assert_eq!(heard(script, input), "a.png 1234 image/png /files/a.png true");
}

#[test]
fn asking_has_three_more_forms() {
    check(
        r#"name = ASK "Who are you?"
LET age = ASK("How old?") AS INTEGER DEFAULT 30
ASK "Ready?"
WAIT FOR RESPONSE AS o.last
TALK name + " " + age + " " + o.last"#,
        &["Ana", "old", "", "yes", "done"],
        expect![[r#"
            Who are you?
            > Ana
            How old?
            hear Integer 
            > old
            That is not a whole number. Please send digits only, for example 42.
            hear Integer 
            > 
            Ready?
            > yes
            > done
            Ana 30 done
        "#]],
    );
}

#[test]
fn a_script_chooses_the_language_of_asking_again() {
    check(
        r#"HEAR a AS INTEGER
SET LANGUAGE "pt-BR"
HEAR b AS INTEGER
SET LANGUAGE "Español"
HEAR c AS "sí", "no"
SET LANGUAGE "fr"
HEAR d AS EMAIL"#,
        &["x", "1", "x", "2", "x", "no", "x"],
        expect![[r#"
            hear Integer 
            > x
            That is not a whole number. Please send digits only, for example 42.
            hear Integer 
            > 1
            hear Integer 
            > x
            Isso não é um número inteiro. Envie apenas algarismos, por exemplo 42.
            hear Integer 
            > 2
            hear Menu { open: false } sí|no
            > x
            Elige una de estas opciones, por su texto o su número:
            1. sí
            2. no
            hear Menu { open: false } sí|no
            > no
            hear Email 
            > x
            That is not an e-mail address. Please send one, for example name@example.com.
            hear Email 
            waits
        "#]],
    );
}

#[test]
fn the_host_chooses_the_language_at_the_start() {
    let mut start = start(Limits::default());
    start.variables.push(("Language".to_owned(), Value::from("pt")));
    let mut machine = Machine::start(program("HEAR x AS BOOLEAN"), start);
    machine.run(Input::Start, now(), 1000);
    let stored = machine.suspend();
    let mut machine = Machine::restore(&stored, &[program("HEAR x AS BOOLEAN")], Limits::default()).unwrap();
    let Step::Effect(Effect::Talk { text }) = machine.run(Input::text("?"), now(), 1000) else {
        panic!("it should ask again")
    };
    assert_eq!(text, "Não entendi. Responda sim ou não, por favor.");
}

#[test]
fn every_type_asks_again_in_every_language() {
    let kinds = [
        "NAME",
        "INTEGER",
        "FLOAT",
        "BOOLEAN",
        "EMAIL",
        "DATE",
        "HOUR",
        "MONEY",
        "PHONE",
        "ZIPCODE",
        "LANGUAGE",
        "CPF",
        "CNPJ",
        "QRCODE",
        "LOGIN",
        "FILE",
        "IMAGE",
        "AUDIO",
        "VIDEO",
        "DOCUMENT",
        "URL",
        "UUID",
        "COLOR",
        "CARD",
        "PASSWORD",
        "MENU \"a\", \"b\"",
    ];
    for kind in kinds {
        let texts = ["en", "pt", "es"].map(|language| {
            let script = format!("SET LANGUAGE \"{language}\"\nHEAR x AS {kind}\nTALK x");
            heard(&script, Input::text(" "))
        });
        assert!(texts.iter().all(|text| !text.is_empty()), "{kind}");
        assert!(
            texts[0] != texts[1] && texts[1] != texts[2] && texts[0] != texts[2],
            "{kind}: {texts:?}"
        );
    }
}
