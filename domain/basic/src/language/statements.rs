//! Statements with a grammar of their own, and the words that continue and close blocks.

use super::{Closer, ParseStatement, Role, Word};
use crate::parser::{choices, declarations, dialog, loops, procedures, simple, traps};

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
    statement(
        "FOR EACH",
        "FOR EACH item IN list … NEXT",
        "Repeats for every item of a list.",
        loops::for_each,
    ),
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
