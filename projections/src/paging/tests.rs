use super::*;

#[test]
fn a_cursor_survives_its_text() {
    let at = DateTime::from_timestamp_micros(1_750_000_000_123_456).expect("a moment");
    let moment = Cursor::Moment {
        at,
        id: Uuid::from_u128(7),
    };
    let place = Cursor::Position(Position(42));
    assert_eq!(
        Cursor::parse(&moment.encode(), Order::Newest("started_at")),
        Some(moment)
    );
    assert_eq!(Cursor::parse(&place.encode(), Order::Position), Some(place));
}

#[test]
fn a_cursor_of_another_list_or_of_nobody_is_refused() {
    let place = Cursor::Position(Position(42)).encode();
    assert!(matches!(
        Cursor::decode(&place, Order::Newest("started_at")),
        Err(ReadError::Cursor)
    ));
    for text in [
        "",
        "!",
        "bQ",
        "cC4",
        "bS4xLng",
        "cC45OTk5OTk5OTk5OTk5OTk5OTk5OTk",
        "café",
    ] {
        assert!(
            matches!(Cursor::decode(text, Order::Position), Err(ReadError::Cursor)),
            "{text}"
        );
        assert!(
            matches!(Cursor::decode(text, Order::Newest("x")), Err(ReadError::Cursor)),
            "{text}"
        );
    }
}

#[test]
fn a_page_has_one_size_within_bounds() {
    assert_eq!(Page::new(Some(-1), None, None, None), Err(PageError::Negative));
    assert_eq!(Page::new(None, Some(-1), None, None), Err(PageError::Negative));
    assert_eq!(Page::new(Some(101), None, None, None), Err(PageError::TooLarge));
    assert_eq!(
        Page::new(Some(1), Some(1), None, None),
        Err(PageError::FirstAndLast)
    );
    assert_eq!(Page::new(None, None, None, None), Ok(Page::default()));
    assert!(Page::new(Some(0), None, None, None).is_ok());
    assert!(Page::new(None, Some(100), None, None).is_ok());
}

#[test]
fn a_list_that_is_all_there_is_cut_into_pages() {
    let rows = || ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let cut = |page: Page| {
        let slice = page.of_all(rows(), String::clone).expect("a page");
        (slice.rows.concat(), slice.has_previous, slice.has_next)
    };
    let at = |key: &str| Some(cursor_of_key(key));
    assert_eq!(
        cut(Page::first(2, None).expect("a page")),
        ("ab".to_owned(), false, true)
    );
    assert_eq!(
        cut(Page::first(2, at("b")).expect("a page")),
        ("cd".to_owned(), true, false)
    );
    // The row of a cursor may be gone.
    assert_eq!(
        cut(Page::first(9, at("bb")).expect("a page")),
        ("cd".to_owned(), true, false)
    );
    assert_eq!(
        cut(Page::last(2, None).expect("a page")),
        ("cd".to_owned(), true, false)
    );
    assert_eq!(
        cut(Page::last(2, at("d")).expect("a page")),
        ("bc".to_owned(), true, true)
    );
    assert_eq!(
        cut(Page::first(0, None).expect("a page")),
        (String::new(), false, true)
    );
    let foreign = Page::first(1, Some(cursor_at(Position(7)))).expect("a page");
    assert!(matches!(
        foreign.of_all(rows(), String::clone),
        Err(ReadError::Cursor)
    ));
}
