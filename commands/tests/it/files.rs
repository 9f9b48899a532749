//! Files: uploaded, sent with a turn, seen by scripts, read again, and discarded when nobody sent them.

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use commands::{CommandError, Commands, Context, NewTurn, UploadedFile, VisitorSession};
use domain::FileId;
use domain::conversation::ConversationEvent;
use futures::TryStreamExt;
use uuid::Uuid;

use crate::observing::Fact;
use crate::world::{World, files_below, refusal, start_of_day};

const ASKS: &str = "TALK \"Ready\"\nHEAR picture AS IMAGE\n\
    TALK picture.name + \" \" + picture.type + \" \" + picture.size\n\
    HEAR words\nTALK \"You said \" + words\n";

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR rest";

async fn upload(
    process: &Commands,
    context: &Context,
    visitor: &VisitorSession,
    name: &str,
    pieces: &[&[u8]],
) -> Result<UploadedFile, CommandError> {
    let mut uploading = process.upload(context, visitor.session_id, name).await?;
    for piece in pieces {
        uploading.write(Bytes::copy_from_slice(piece)).await?;
    }
    uploading.finish(start_of_day()).await
}

async fn content(
    process: &Commands,
    visitor: &VisitorSession,
    file: FileId,
) -> Result<Vec<u8>, CommandError> {
    let found = process.file(&visitor.context(), visitor.session_id, file).await?;
    let pieces: Vec<Bytes> = found.content.try_collect().await?;
    assert_eq!(pieces.iter().map(Bytes::len).sum::<usize>() as u64, found.bytes);
    Ok(pieces.concat())
}

fn with_files(id: u128, text: &str, files: &[FileId]) -> NewTurn {
    NewTurn {
        content: text.to_owned(),
        invokes: None,
        files: files.to_vec(),
        message_id: Some(Uuid::from_u128(id)),
    }
}

/// A picture of a code that says `text`, four pixels a square.
fn code_picture(text: &str) -> Vec<u8> {
    let code = qrcode::QrCode::new(text).expect("it is short enough");
    let (width, colours) = (code.width() as u32, code.to_colors());
    let picture = image::GrayImage::from_fn((width + 8) * 4, (width + 8) * 4, |x, y| {
        let (column, row) = ((x / 4).wrapping_sub(4), (y / 4).wrapping_sub(4));
        let inside = column < width && row < width;
        let dark = inside && colours[(row * width + column) as usize] == qrcode::Color::Dark;
        image::Luma([if dark { 0 } else { 255 }])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("it can be written");
    bytes.into_inner()
}

#[tokio::test]
async fn a_code_is_read_from_its_picture_and_asked_for_again_where_there_is_none() {
    let world = World::new().await;
    let process = world.process().await;
    let script = "TALK \"Your ticket?\"\nHEAR ticket AS QRCODE\nTALK \"Ticket \" + ticket";
    let bot = world.bot(&process, script).await;
    let visitor = world.visitor(&process, bot).await;
    let context = visitor.context();
    let none = upload(&process, &context, &visitor, "cat.png", &[PNG])
        .await
        .expect("it is kept");
    let code = code_picture("A-42");
    let some = upload(&process, &context, &visitor, "code.png", &[&code])
        .await
        .expect("it is kept");
    process
        .receive_turn(&visitor, with_files(1, "here", &[none.file_id]), start_of_day())
        .await
        .expect("it is taken");
    let again = "Please send a picture of the QR code, or the text that it contains.";
    world.hears(&["Your ticket?", again]).await;
    // Another process takes the question up from the log.
    let second = world.process().await;
    second
        .receive_turn(&visitor, with_files(2, "here", &[some.file_id]), start_of_day())
        .await
        .expect("it is taken");
    world.hears(&["Your ticket?", again, "Ticket A-42"]).await;
}

#[tokio::test]
async fn a_picture_reaches_the_script_that_asks_for_one() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, ASKS).await;
    let visitor = world.visitor(&process, bot).await;
    let file = upload(
        &process,
        &visitor.context(),
        &visitor,
        "C:\\cat.png",
        &[&PNG[..10], &PNG[10..]],
    )
    .await
    .expect("it is kept");
    assert_eq!(
        (file.name.as_str(), file.media_type.as_str(), file.bytes),
        ("cat.png", "image/png", PNG.len() as u64)
    );
    let turn = with_files(1, "", &[file.file_id]);
    let received = process
        .receive_turn(&visitor, turn.clone(), start_of_day())
        .await
        .expect("a message may be of files alone");
    let told = format!("cat.png image/png {}", PNG.len());
    world.hears(&["Ready", &told]).await;
    // Sent again it is the same message, whoever takes it in.
    let second = world.process().await;
    let again = second
        .receive_turn(&visitor, turn, start_of_day())
        .await
        .expect("it is known");
    assert_eq!((again.turn_id, again.repeated), (received.turn_id, true));
    let others = with_files(1, "", &[FileId(Uuid::from_u128(9))]);
    assert!(matches!(
        second.receive_turn(&visitor, others, start_of_day()).await,
        Err(CommandError::Mismatch)
    ));
    assert_eq!(
        content(&second, &visitor, file.file_id).await.expect("readable"),
        PNG
    );
    let names: Vec<String> = world
        .facts()
        .await
        .iter()
        .filter_map(|fact| match fact {
            Fact::Conversation(_, ConversationEvent::TurnReceived(turn)) => Some(turn.attached()),
            _ => None,
        })
        .flatten()
        .map(|file| file.name.clone())
        .collect();
    assert_eq!(names, ["cat.png"]);
}

#[tokio::test]
async fn a_file_that_does_not_fit_is_asked_for_again() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, ASKS).await;
    let visitor = world.visitor(&process, bot).await;
    let file = upload(&process, &visitor.context(), &visitor, "cat.png", &[b"just text"])
        .await
        .expect("it is kept");
    assert_eq!(file.media_type, "text/plain");
    let turn = with_files(1, "here it is", &[file.file_id]);
    process
        .receive_turn(&visitor, turn, start_of_day())
        .await
        .expect("it is taken in");
    world.hears(&["Ready", "Please send an image."]).await;
}

#[tokio::test]
async fn a_file_belongs_to_its_session_and_to_one_message() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK \"Hi\"").await;
    let visitor = world.visitor(&process, bot).await;
    let stranger = world.visitor(&process, bot).await;
    let context = visitor.context();
    let file = upload(&process, &context, &visitor, "a.txt", &[b"mine"])
        .await
        .expect("it is kept")
        .file_id;
    let sent = process
        .receive_turn(&stranger, with_files(1, "", &[file]), start_of_day())
        .await;
    assert_eq!(refusal(sent), "file_not_found");
    assert_eq!(
        refusal(content(&process, &stranger, file).await),
        "file_not_found"
    );
    let foreign = process
        .upload(&stranger.context(), visitor.session_id, "b.txt")
        .await
        .map(drop);
    assert_eq!(refusal(foreign), "session_not_found");
    process
        .receive_turn(&visitor, with_files(2, "look", &[file]), start_of_day())
        .await
        .expect("it is taken in");
    let twice = process
        .receive_turn(&visitor, with_files(3, "again", &[file]), start_of_day())
        .await;
    assert_eq!(refusal(twice), "file_attached");
    let doubled = process
        .receive_turn(&visitor, with_files(4, "", &[file, file]), start_of_day())
        .await;
    assert!(matches!(
        doubled,
        Err(CommandError::Invalid { field: "files", .. })
    ));
    let many: Vec<FileId> = (0..11).map(|n| FileId(Uuid::from_u128(n))).collect();
    let too_many = process
        .receive_turn(&visitor, with_files(5, "", &many), start_of_day())
        .await;
    assert!(matches!(
        too_many,
        Err(CommandError::Invalid { field: "files", .. })
    ));
    let empty = upload(&process, &context, &visitor, "nothing.txt", &[]).await;
    assert!(matches!(empty, Err(CommandError::Invalid { field: "file", .. })));
    process
        .end_session(&world.context(), visitor.session_id)
        .await
        .expect("it ends");
    let late = upload(&process, &context, &visitor, "late.txt", &[b"late"]).await;
    assert_eq!(refusal(late), "session_ended");
}

#[tokio::test]
async fn what_is_kept_is_sealed_and_a_change_is_found() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK \"Hi\"").await;
    let visitor = world.visitor(&process, bot).await;
    let context = visitor.context();
    // Around the borders of chunks, in pieces that do not fit them.
    const CHUNK: usize = 64 << 10;
    for length in [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 77] {
        let bytes: Vec<u8> = b"planted:".iter().copied().cycle().take(length).collect();
        let pieces: Vec<&[u8]> = bytes.chunks(50_021).collect();
        let file = upload(&process, &context, &visitor, "a.bin", &pieces)
            .await
            .expect("it is kept");
        let read = content(&process, &visitor, file.file_id).await.expect("readable");
        assert!(read == bytes, "{length} bytes come back");
    }
    let mut kept = files_below(world.blobs.path());
    kept.sort_by_key(|path| std::fs::metadata(path).map_or(0, |metadata| metadata.len()));
    let largest = kept.pop().expect("six files");
    let sealed = std::fs::read(&largest).expect("readable");
    assert!(!sealed.windows(8).any(|window| window == b"planted:"));
    let file: FileId = largest
        .parent()
        .and_then(|folder| folder.file_name()?.to_str()?.parse().ok())
        .expect("named by its file");
    let sealed_chunk = CHUNK + 16;
    let flipped = {
        let mut bytes = sealed.clone();
        bytes[3 * sealed_chunk + 5] ^= 1;
        bytes
    };
    let cut_off = sealed[..3 * sealed_chunk].to_vec();
    let swapped = [
        &sealed[sealed_chunk..2 * sealed_chunk],
        &sealed[..sealed_chunk],
        &sealed[2 * sealed_chunk..],
    ]
    .concat();
    let longer = [&sealed[..], b"x"].concat();
    for (what, damaged) in [
        ("flipped", flipped),
        ("cut off", cut_off),
        ("swapped", swapped),
        ("longer", longer),
        ("empty", Vec::new()),
    ] {
        std::fs::write(&largest, damaged).expect("writable");
        let found = process
            .file(&context, visitor.session_id, file)
            .await
            .expect("there");
        let read: Result<Vec<Bytes>, _> = found.content.try_collect().await;
        assert!(read.is_err(), "{what}");
    }
    std::fs::remove_file(&largest).expect("there");
    assert_eq!(refusal(content(&process, &visitor, file).await), "file_lost");
}

#[tokio::test]
async fn an_upload_under_an_id_is_kept_once() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK \"Hi\"").await;
    let visitor = world.visitor(&process, bot).await;
    let numbered = world.numbered(77, 0);
    let first = upload(&process, &numbered, &visitor, "a.txt", &[b"same"])
        .await
        .expect("it is kept");
    let second = upload(&process, &numbered, &visitor, "a.txt", &[b"sa", b"me"])
        .await
        .expect("it is known");
    assert_eq!((second.file_id, second.done.repeated), (first.file_id, true));
    let other = upload(&process, &numbered, &visitor, "a.txt", &[b"else"]).await;
    assert!(matches!(other, Err(CommandError::Mismatch)));
    assert_eq!(files_below(world.blobs.path()).len(), 1);
    assert_eq!(
        content(&process, &visitor, first.file_id)
            .await
            .expect("readable"),
        b"same"
    );
}

#[tokio::test]
async fn what_nobody_sent_is_discarded_and_what_was_sent_stays() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK \"Hi\"").await;
    let visitor = world.visitor(&process, bot).await;
    let context = visitor.context();
    let mut files = Vec::new();
    for name in ["sent.txt", "unsent.txt"] {
        let file = upload(&process, &context, &visitor, name, &[name.as_bytes()]).await;
        files.push(file.expect("it is kept").file_id);
    }
    process
        .receive_turn(&visitor, with_files(1, "", &files[..1]), start_of_day())
        .await
        .expect("it is taken in");
    assert!(!process.discard_file(world.tenant, files[0]).await.expect("asked"));
    assert!(process.discard_file(world.tenant, files[1]).await.expect("asked"));
    assert_eq!(files_below(world.blobs.path()).len(), 1);
    assert_eq!(
        refusal(content(&process, &visitor, files[1]).await),
        "file_not_found"
    );
    // What an upload left that was cut off between content and event.
    let orphan = world.blobs.path().join(format!(
        "{}/files/{}/{}",
        world.tenant,
        Uuid::now_v7(),
        Uuid::now_v7()
    ));
    std::fs::create_dir_all(orphan.parent().expect("a folder")).expect("made");
    std::fs::write(&orphan, b"sealed").expect("written");
    let mut swept = 0;
    let soon = Utc::now() + TimeDelta::minutes(1);
    for blob in process.file_blobs(world.tenant, soon).await.expect("listed") {
        swept += u32::from(process.sweep_file_blob(world.tenant, &blob).await.expect("asked"));
    }
    assert_eq!(swept, 1);
    assert!(!orphan.exists());
    assert_eq!(
        content(&process, &visitor, files[0]).await.expect("readable"),
        b"sent.txt"
    );
}

#[tokio::test]
async fn erasing_a_person_makes_their_files_unreadable() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK \"Hi\"").await;
    let visitor = world.visitor(&process, bot).await;
    let file = upload(&process, &visitor.context(), &visitor, "a.txt", &[b"private"])
        .await
        .expect("it is kept")
        .file_id;
    world
        .keyring
        .erase_subject(world.tenant.0, visitor.open.user_id.0)
        .await
        .expect("erased");
    assert_eq!(refusal(content(&process, &visitor, file).await), "file_erased");
}
