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
