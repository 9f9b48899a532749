//! Statements with a grammar of their own, and the words that continue and close blocks.

use super::{Closer, ParseStatement, Role, Word};
use crate::parser::{choices, declarations, dialog, handlers, loops, procedures, simple, tables, traps};

const fn statement(
    name: &'static str,
    form: &'static str,
    help: &'static str,
    parse: ParseStatement,
) -> Word {
    Word {
        name,
        aliases: &[],
        form,
        help,
        role: Role::Statement(parse),
    }
}

const fn closer(
    name: &'static str,
    aliases: &'static [&'static str],
    form: &'static str,
    closer: Closer,
) -> Word {
    Word {
        name,
        aliases,
        form,
        help: "Continues or closes a block.",
        role: Role::Closer(closer),
    }
}

pub(super) const WORDS: &[Word] = &[
    statement(
        "IF",
        "IF condition THEN … ELSE IF … ELSE … END IF",
        "Does something under a condition.",
        choices::if_block,
    ),
    statement(
        "FOR",
        "FOR i = first TO last STEP n … NEXT",
        "Repeats, counting.",
        loops::for_loop,
    ),
    Word {
        aliases: &["FOREACH"],
        ..statement(
            "FOR EACH",
            "FOR EACH item IN list … NEXT",
            "Repeats for every item of a list.",
            loops::for_each,
        )
    },
    statement(
        "WHILE",
        "WHILE condition … WEND",
        "Repeats as long as a condition holds.",
        loops::while_loop,
    ),
    statement(
        "DO",
        "DO WHILE condition … LOOP",
        "Repeats while or until a condition holds.",
        loops::do_loop,
    ),
    statement(
        "SELECT CASE",
        "SELECT CASE value … CASE a, b … CASE ELSE … END SELECT",
        "Chooses by a value.",
        choices::select_case,
    ),
    statement(
        "SWITCH",
        "SWITCH value … CASE a … DEFAULT … END SWITCH",
        "Chooses by a value.",
        choices::switch,
    ),
    closer("ELSE", &[], "ELSE", Closer::Else),
    closer("ELSEIF", &["ELSE IF"], "ELSE IF condition THEN", Closer::ElseIf),
    closer("END IF", &["ENDIF"], "END IF", Closer::EndIf),
    closer("NEXT", &[], "NEXT", Closer::Next),
    closer("END FOR", &["ENDFOR"], "END FOR", Closer::EndFor),
    closer("WEND", &["END WHILE", "ENDWHILE"], "WEND", Closer::Wend),
    closer("LOOP", &["END DO"], "LOOP", Closer::Loop),
    closer("CASE", &[], "CASE value", Closer::Case),
    closer("CASE ELSE", &["DEFAULT"], "CASE ELSE", Closer::CaseElse),
    closer(
        "END SELECT",
        &["END SWITCH", "ENDSELECT"],
        "END SELECT",
        Closer::EndSelect,
    ),
    statement(
        "SUB",
        "SUB name(a, b) … END SUB",
        "Defines a procedure.",
        procedures::sub,
    ),
    closer("END SUB", &["ENDSUB"], "END SUB", Closer::EndSub),
    statement(
        "FUNCTION",
        "FUNCTION name(a, b) … END FUNCTION",
        "Defines a function.",
        procedures::function,
    ),
    closer(
        "END FUNCTION",
        &["ENDFUNCTION"],
        "END FUNCTION",
        Closer::EndFunction,
    ),
    statement("EXIT SUB", "EXIT SUB", "Leaves the procedure.", procedures::exit),
    statement(
        "EXIT FUNCTION",
        "EXIT FUNCTION",
        "Leaves the function.",
        procedures::exit,
    ),
    statement(
        "CALL",
        "CALL name(a, b)",
        "Calls a procedure, or another script by its name in quotes.",
        procedures::call,
    ),
    statement(
        "WAIT",
        "WAIT seconds",
        "Pauses for up to 300 seconds.",
        procedures::wait,
    ),
    statement(
        "WITH",
        "WITH name … END WITH",
        "Sets fields of an object.",
        traps::with,
    ),
    closer("END WITH", &["ENDWITH"], "END WITH", Closer::EndWith),
    statement("GOTO", "GOTO label", "Goes on at a label.", traps::goto),
    statement(
        "ON ERROR RESUME NEXT",
        "ON ERROR RESUME NEXT",
        "After errors, goes on with the next statement.",
        traps::resume_next,
    ),
    statement(
        "ON ERROR GOTO",
        "ON ERROR GOTO label",
        "After an error, goes on at a label.",
        traps::error_goto,
    ),
    statement(
        "TRY",
        "TRY … CATCH name … END TRY",
        "Catches errors.",
        traps::try_block,
    ),
    closer("CATCH", &[], "CATCH name", Closer::Catch),
    closer("END TRY", &["ENDTRY"], "END TRY", Closer::EndTry),
    statement("LET", "LET name = value", "Sets a variable.", simple::assignment),
    statement("SET", "SET name = value", "Sets a variable.", simple::assignment),
    statement(
        "CONST",
        "CONST name = value",
        "Sets a variable that is not meant to change.",
        simple::assignment,
    ),
    statement("DIM", "DIM name", "Introduces a variable.", simple::dim),
    statement("EXIT", "EXIT", "Ends the script.", simple::end),
    statement("EXIT FOR", "EXIT FOR", "Leaves the FOR loop.", simple::exit_for),
    statement(
        "EXIT WHILE",
        "EXIT WHILE",
        "Leaves the WHILE loop.",
        simple::exit_while,
    ),
    statement("EXIT DO", "EXIT DO", "Leaves the DO loop.", simple::exit_do),
    statement(
        "CONTINUE",
        "CONTINUE FOR",
        "Goes on with the next round of the loop; FOR, WHILE or DO say of which.",
        simple::next_round,
    ),
    statement("END", "END", "Ends the script.", simple::end),
    statement("STOP", "STOP", "Ends the script.", simple::end),
    statement(
        "RETURN",
        "RETURN value",
        "Ends the script with a result.",
        simple::return_value,
    ),
    statement(
        "RETURN WITH",
        "RETURN WITH name AS value",
        "Ends the script with an object as result.",
        simple::return_with,
    ),
    statement(
        "BEGIN TALK",
        "BEGIN TALK … END TALK",
        "Says a text of several lines.",
        dialog::begin_talk,
    ),
    statement(
        "BEGIN SYSTEM PROMPT",
        "BEGIN SYSTEM PROMPT … END SYSTEM PROMPT",
        "Tells the language model how to behave.",
        dialog::begin_system_prompt,
    ),
    statement(
        "BEGIN MAIL",
        "BEGIN MAIL \"ana@example.org\" … END MAIL",
        "Sends a mail: a line `Subject: …`, an empty line and the text.",
        handlers::begin_mail,
    ),
    statement(
        "TABLE",
        "TABLE name … END TABLE",
        "Declares a table, a field on each line: its name and its type.",
        tables::table,
    ),
    statement(
        "BEGIN TABLE",
        "BEGIN TABLE name … END TABLE",
        "The same as TABLE.",
        tables::table,
    ),
    statement(
        "CREATE TABLE",
        "CREATE TABLE name ( … );",
        "The same as TABLE, in the form of SQL.",
        tables::table,
    ),
    statement(
        "CREATE INDEX",
        "CREATE INDEX name ON table (field);",
        "Does nothing: tables have the indexes that they need.",
        tables::index,
    ),
    statement(
        "CREATE UNIQUE INDEX",
        "CREATE UNIQUE INDEX name ON table (field);",
        "Does nothing: UNIQUE behind a field says that each value is there once.",
        tables::index,
    ),
    statement(
        "WEBHOOK",
        "WEBHOOK \"orders\"",
        "Runs the script when somebody calls the bot's address of that name.",
        handlers::webhook,
    ),
    statement(
        "SET SCHEDULE",
        "SET SCHEDULE \"every day at 9am\"",
        "Runs the script, or another one, again and again.",
        handlers::schedule,
    ),
    statement(
        "ON INSERT",
        "ON INSERT OF \"orders\"",
        "Runs the script for each row that is added to a table.",
        handlers::on_insert,
    ),
    statement(
        "ON UPDATE",
        "ON UPDATE OF \"orders\"",
        "Runs the script for each row of a table that is changed.",
        handlers::on_update,
    ),
    statement(
        "ON DELETE",
        "ON DELETE OF \"orders\"",
        "Runs the script for each row that is deleted from a table.",
        handlers::on_delete,
    ),
    statement(
        "ON EMAIL",
        "ON EMAIL \"office@example.org\" FROM \"ana@example.org\"",
        "Runs the script for each mail that comes.",
        handlers::on_mail,
    ),
    statement(
        "ON CHANGE",
        "ON CHANGE \"invoices/\" EVENTS \"create,modify\"",
        "Runs the script when a file changes.",
        handlers::on_change,
    ),
    statement(
        "ON FORM SUBMIT",
        "ON FORM SUBMIT \"contact\"",
        "Runs the script when a form is sent.",
        handlers::on_form,
    ),
    statement(
        "ON EVENT",
        "ON EVENT \"boat_arrived\" DO … END ON",
        "Runs the script, or the lines up to END ON, when an event is published.",
        handlers::on_event,
    ),
    Word {
        aliases: &["END PARALLEL"],
        ..statement(
            "END WORKFLOW",
            "ORCHESTRATE WORKFLOW \"arrival\" … END WORKFLOW",
            "Closes the steps of a workflow; it may be left out.",
            handlers::end_workflow,
        )
    },
    closer("END ON", &["END EVENT"], "END ON", Closer::EndOn),
    statement(
        "HEAR",
        "HEAR name AS TYPE WITH \"question\"",
        "Waits for an answer of the user.",
        dialog::hear,
    ),
    statement(
        "ASK",
        "name = ASK \"question\"",
        "Asks and waits for the answer.",
        dialog::ask,
    ),
    statement(
        "CONFIRM",
        "fine = CONFIRM \"Shall I book it?\"",
        "Asks and waits for yes or no.",
        dialog::confirm,
    ),
    statement(
        "WAIT FOR RESPONSE",
        "WAIT FOR RESPONSE AS name",
        "Waits for an answer of the user.",
        dialog::wait_for_response,
    ),
    statement(
        "DESCRIPTION",
        "DESCRIPTION \"text\"",
        "Says what the script is good for.",
        declarations::description,
    ),
    statement(
        "PARAM",
        "PARAM name AS TYPE LIKE \"sample\" DESCRIPTION \"text\"",
        "Declares a parameter of the script.",
        declarations::param,
    ),
];
