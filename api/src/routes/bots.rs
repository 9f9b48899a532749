//! What belongs to bots: their schedules and the files of their drives.

use domain::Permission;
use http::Method;

use crate::rest::{drive, schedule};
use crate::route::{Parameter, Route};

/// What is done with schedules: whoever may pause a bot says when its scripts start.
pub(super) fn automation() -> Vec<Route> {
    use Permission::BotPause;
    vec![
        Route::command(
            Method::POST,
            "/api/v1/schedules/{schedule_id}/pause",
            "pause_schedule",
            "Has a schedule start nothing until it is resumed",
            BotPause,
            schedule::pause,
        ),
        Route::command(
            Method::POST,
            "/api/v1/schedules/{schedule_id}/resume",
            "resume_schedule",
            "Has a paused schedule start its script again; what was due meanwhile is over",
            BotPause,
            schedule::resume,
        ),
        Route::command(
            Method::POST,
            "/api/v1/schedules/{schedule_id}/start",
            "start_schedule",
            "Has a schedule's script started now, beside its times",
            BotPause,
            schedule::start,
        ),
    ]
}

/// The files of bots' drives.
pub(super) fn drives() -> Vec<Route> {
    use Permission::{DriveRead, DriveWrite};
    const FILE: &str = "/api/v1/bots/{bot_id}/files/{file_id}";
    vec![
        Route::permitted(
            Method::GET,
            drive::UPLOAD,
            "list_drive_files",
            "Files of a bot's drive, by path",
            DriveRead,
            drive::list,
        )
        .query(
            const {
                &[
                    Parameter::text("folder", "Only files below this folder"),
                    Parameter::number(
                        "first",
                        "So many at most; 25 where nothing is said",
                        (1, drive::LISTED_MAX),
                    ),
                    Parameter::text("after", "Only paths that come after this one, as `next` gave it"),
                ]
            },
        )
        .answers::<drive::DriveFiles>(200),
        Route::permitted(
            Method::POST,
            drive::UPLOAD,
            "upload_drive_file",
            "Writes a file to a bot's drive, in the place of what is at its path",
            DriveWrite,
            drive::upload,
        )
        .query(const { &[Parameter::text("path", "Where it is written, relative to the drive").required()] })
        .takes_file()
        .answers::<drive::WrittenDriveFile>(201),
        Route::permitted(
            Method::GET,
            FILE,
            "download_drive_file",
            "A file of a bot's drive",
            DriveRead,
            drive::download,
        )
        .answers_file(),
        Route::command(
            Method::DELETE,
            FILE,
            "remove_drive_file",
            "Removes a file of a bot's drive",
            DriveWrite,
            drive::remove,
        ),
    ]
}
