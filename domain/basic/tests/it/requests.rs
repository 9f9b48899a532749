//! What scripts ask their host for, in every form that packages use.

use expect_test::expect;

use crate::transcript::check;

#[test]
fn the_conversation() {
    check(
        r#"TALK TO "whatsapp:+4930123456", "Your order is ready."
SET CONTEXT "prices" AS "A berth costs 20."
SET CONTEXT "prices"
CLEAR CONTEXT
ADD SWITCHER "tables" AS "Tables"
ADD_SWITCHER "cards"
CLEAR SWITCHERS
SET ANSWER MODE "document"
SET USER "ana@example.org"
ALLOW ROLE "manager"
x = TRANSFER TO HUMAN "support", "high"
TRANSFER_TO_HUMAN("sales", "low", "wants an offer")
y = transfer_to_human_ex(#{department: "sales"})
PLAY "tour.mp4" WITH OPTIONS "loop"
path = QR CODE "https://example.org", 256
CARD "a lighthouse", "Welcome" TO card
CHART "bar", [1, 2]
ADD BOT "billing" TRIGGER ON "invoice,refund"
ADD BOT "billing" WITH TRIGGER "invoice"
ADD BOT "billing" WITH TOOLS "charge" 
answer = DELEGATE "Is it paid?" TO BOT "billing" TIMEOUT 30
DELEGATE TO "billing"
BROADCAST "Closing" TO BOTS
TRANSFER CONVERSATION TO "billing"
fine = CONFIRM "Sure?"
TALK fine
"#,
        &["yes"],
        expect![[r#"
            ? TALK TO "whatsapp:+4930123456" "Your order is ready."
            ? SET CONTEXT "prices" "A berth costs 20."
            ? SET CONTEXT "prices"
            ? CLEAR CONTEXT
            ? ADD SWITCHER "tables" "Tables"
            ? ADD SWITCHER "cards"
            ? CLEAR SWITCHERS
            ? SET ANSWER MODE "document"
            ? SET USER "ana@example.org"
            ? ALLOW ROLE "manager"
            ? TRANSFER TO HUMAN "support" "high"
            ? TRANSFER TO HUMAN "sales" "low" "wants an offer"
            ? TRANSFER TO HUMAN {"department":"sales"}
            ? PLAY "tour.mp4" with options="loop"
            ? QR CODE "https://example.org" 256
            ? CARD "a lighthouse" "Welcome" to="card"
            ? CHART "bar" [1,2]
            ? ADD BOT "billing" trigger on="invoice,refund"
            ? ADD BOT "billing" with trigger="invoice"
            ? ADD BOT "billing" with tools="charge"
            ? DELEGATE "Is it paid?" to bot="billing" timeout=30
            ? DELEGATE "billing"
            ? BROADCAST "Closing" to bots=true
            ? TRANSFER CONVERSATION TO "billing"
            Sure?
            hear Boolean 
            > yes
            true
        "#]],
    );
}

#[test]
fn memory() {
    check(
        r#"SET BOT MEMORY "opening", "9 to 17"
SET_BOT_MEMORY "opening", 9
SET BOT MEMORY "opening" = "9 to " + 17
x = GET BOT MEMORY("opening")
x = GET BOT MEMORY "opening"
IF GET_BOT_MEMORY("opening") = "" THEN TALK "closed"
REMEMBER "berth", 7, "30 days"
REMEMBER "berth" = 7
x = RECALL "berth"
SET USER MEMORY "k", {a: 1}
x = GET USER MEMORY("k")
REMEMBER USER FACT "sails"
facts = GET USER FACTS()
CLEAR USER MEMORY
x = GET SESSION "step"
x = GET SESSION other_session, "step"
SET SESSION "step", 2
SET SESSION "s-1", "step", 2
SEND TO SESSION "s-1", "Your table is free."
x = CACHE GET "rate"
CACHE SET "rate", 1.08
BOT SHARE MEMORY "opening" WITH "billing"
BOT SYNC MEMORY FROM "billing"
"#,
        &[],
        expect![[r#"
            ? SET BOT MEMORY "opening" "9 to 17"
            ? SET BOT MEMORY "opening" 9
            ? SET BOT MEMORY "opening" "9 to 17"
            ? GET BOT MEMORY "opening"
            ? GET BOT MEMORY "opening"
            ? GET BOT MEMORY "opening"
            ? REMEMBER "berth" 7 "30 days"
            ? REMEMBER "berth" 7
            ? RECALL "berth"
            ? SET USER MEMORY "k" {"a":1}
            ? GET USER MEMORY "k"
            ? REMEMBER USER FACT "sails"
            ? GET USER FACTS
            ? CLEAR USER MEMORY
            ? GET SESSION "step"
            ? GET SESSION null "step"
            ? SET SESSION "step" 2
            ? SET SESSION "s-1" "step" 2
            ? SEND TO SESSION "s-1" "Your table is free."
            ? CACHE GET "rate"
            ? CACHE SET "rate" 1.08
            ? BOT SHARE MEMORY "opening" "billing"
            ? BOT SYNC MEMORY FROM "billing"
        "#]],
    );
}

#[test]
fn models_tools_and_knowledge() {
    check(
        r#"topic = "berths"
x = LLM "Which " + topic + " are free?"
x = LLM("Which are free?")
x = LLM "p" WITH OPTIMIZE FOR "speed"
USE TOOL "book"
ADD TOOL "book.bas"
USE_TOOL("book")
CLEAR TOOLS
tools = LIST TOOLS()
USE KB "rules"
ADD KB "rules"
CLEAR KB
found = THINK KB "fees"
USE WEBSITE "https://example.org" REFRESH "1d"
USE_WEBSITE("https://example.org", "30d")
result = USE MCP "weather", "forecast", {city: "Porto"}
text = SUMMARIZE topic
text = TRANSLATE "Good morning", "pt"
label = CLASSIFY topic, ["a", "b"]
picture = GET IMAGE "a lighthouse"
seen = SEE "berth.png"
out = RUN PYTHON "print(1)"
out = RUN PYTHON WITH FILE "a.py"
REFRESH "llm"
stats = KB STATISTICS()
count = KB DOCUMENTS ADDED SINCE(7)
USE MODEL "fast"
BOT REFLECTION TRUE
"#,
        &[],
        expect![[r#"
            ? LLM "Which berths are free?"
            ? LLM "Which are free?"
            ? LLM "p" with optimize for="speed"
            ? USE TOOL "book"
            ? USE TOOL "book.bas"
            ? USE TOOL "book"
            ? CLEAR TOOLS
            ? LIST TOOLS
            ? USE KB "rules"
            ? USE KB "rules"
            ? CLEAR KB
            ? THINK KB "fees"
            ? USE WEBSITE "https://example.org" "1d"
            ? USE WEBSITE "https://example.org" "30d"
            ? USE MCP "weather" "forecast" {"city":"Porto"}
            ? SUMMARIZE "berths"
            ? TRANSLATE "Good morning" "pt"
            ? CLASSIFY "berths" ["a","b"]
            ? GET IMAGE "a lighthouse"
            ? SEE "berth.png"
            ? RUN PYTHON "print(1)"
            ? RUN PYTHON with file="a.py"
            ? REFRESH "llm"
            ? KB STATISTICS
            ? KB DOCUMENTS ADDED SINCE 7
            ? USE MODEL "fast"
            ? BOT REFLECTION true
        "#]],
    );
}

#[test]
fn tables() {
    check(
        r#"name = "Ana"
email = "ana@example.org"
n = 7
x = FIND "berths"
x = FIND ALL "berths"
x = FIND "berths", "number=7"
x = FIND "berths", "number=" + n + " AND guest='" + name + "'"
x = FIND "berths", "guest=${name}"
x = FIND "berths", "number", n
x = FIND "berths" WHERE number >= n AND (guest = name OR guest IS NULL) ORDER BY price DESC, number LIMIT 5
x = FIND "berths" WHERE status IN ("free", "kept") AND NOT taken FIRST
x = FIND "berths" WHERE guest.city LIKE "P%" AND price BETWEEN 1 AND 5
x = FIND "berths" WITH "number = 7"
IF UBOUND(FIND("berths", "number=7")) > 0 THEN TALK "yes"
SAVE "guests", name, email
SAVE "guests", {name: "Ana"}
SAVE "guests" WITH name AS "Ana", email = email
id = SAVE "guests", name, email
row = {a: 1}
SAVE row TO guests
SAVE_FROM_UNSTRUCTURED "guests", "I am Ana"
INSERT "guests", {name: "Ana"}
INSERT INTO "guests" VALUES {name: "Ana"}
INSERT INTO "guests" VALUES name, email
r = INSERT INTO "guests" WITH name = "Ana", email = email
UPDATE "guests", "email='x'", {name: "B"}
UPDATE "guests" SET name = "B", email = email WHERE id = n
UPDATE "guests", n, "name", "B"
UPDATE "guests" WITH name AS "B" WHERE id = 7
c = DELETE "guests", "id=7"
DELETE FROM "guests" WHERE id = 7
DELETE "https://example.org/7"
MERGE "guests", row, "email"
r = MERGE "guests" WITH row BY "email"
t = AGGREGATE "guests", "COUNT", "id", "city='Porto'"
t = SELECT SUM(price) FROM stays WHERE guest = name
SET "guests", "id = 7", "name = 'B'"
x = SEARCH "guests", "gaiv", 5
EXPORT "guests.csv", row
rows = IMPORT "guests.csv"
SYNCHRONIZE "https://example.org", "orders", "id", "page", "limit"
q = QUERY METRICS "visits" FOR "7d"
RECORD METRIC "visits" WITH count = 1
FILL "invoice.docx", row TO "invoices/7.docx"
"#,
        &[],
        expect![[r#"
            ? FIND "berths"
            ? FIND "berths"
            ? FIND "berths" "number=7" | number Equal 7
            ? FIND "berths" ["text","number=󰀀 AND guest='󰀁'",[7,"Ana"]] | (number Equal 7 and guest Equal "Ana")
            ? FIND "berths" ["text","guest=󰀀",["Ana"]] | guest Equal "Ana"
            ? FIND "berths" "number" 7 | number Equal 7
            ? FIND "berths" order by=[["price",true],["number",false]] limit=5 | (number GreaterOrEqual 7 and (guest Equal "Ana" or guest IsNull null))
            ? FIND "berths" first=true | (status in "free","kept" and not taken Equal true)
            ? FIND "berths" | (guest.city Like "P%" and (price GreaterOrEqual 1 and price LessOrEqual 5))
            ? FIND "berths" with="number = 7" | number Equal 7
            ? FIND "berths" "number=7" | number Equal 7
            yes
            ? SAVE "guests" "Ana" "ana@example.org" names=[null,"name","email"]
            ? SAVE "guests" {"name":"Ana"} names=[null,null]
            ? SAVE "guests" with={"email":"ana@example.org","name":"Ana"}
            ? SAVE "guests" "Ana" "ana@example.org" names=[null,"name","email"]
            ? SAVE {"a":1} to="guests" names=["row"]
            ? SAVE FROM UNSTRUCTURED "guests" "I am Ana"
            ? INSERT "guests" {"name":"Ana"} names=[null,null]
            ? INSERT "guests" values=[{"name":"Ana"}]
            ? INSERT "guests" values=["Ana","ana@example.org"]
            ? INSERT "guests" with={"email":"ana@example.org","name":"Ana"}
            ? UPDATE "guests" "email='x'" {"name":"B"} | email Equal "x"
            ? UPDATE "guests" set={"email":"ana@example.org","name":"B"} | id Equal 7
            ? UPDATE "guests" 7 "name" "B" | id Equal 7
            ? UPDATE "guests" with={"name":"B"} | id Equal 7
            ? DELETE "guests" "id=7" | id Equal 7
            ? DELETE "guests" | id Equal 7
            ? DELETE "https://example.org/7"
            ? MERGE "guests" {"a":1} "email"
            ? MERGE "guests" with={"a":1} by="email"
            ? AGGREGATE "guests" "COUNT" "id" "city='Porto'" | city Equal "Porto"
            ? SELECT "SELECT SUM(price) FROM stays WHERE guest = name" variables={"name":"Ana"}
            ? SET TABLE "guests" "id = 7" "name = 'B'" | id Equal 7
            ? SEARCH "guests" "gaiv" 5
            ? EXPORT "guests.csv" {"a":1}
            ? IMPORT "guests.csv"
            ? SYNCHRONIZE "https://example.org" "orders" "id" "page" "limit"
            ? QUERY METRICS "visits" for={"text":"\"7d\""}
            ? RECORD METRIC "visits" with={"count":1}
            ? FILL FILE "invoice.docx" {"a":1} "invoices/7.docx"
        "#]],
    );
}

#[test]
fn lists_are_answered_without_the_host() {
    check(
        r#"rows = [
  {city: "Porto", price: 20, month: "may"},
  {city: "Faro", price: 30, month: "may"},
  {city: "Porto", price: 5, month: "june"}
]
TALK FIND(rows, "city='Porto'")
x = FIND rows WHERE price > 10 ORDER BY price DESC LIMIT 1
TALK x
x = FIND rows WHERE price > 100 FIRST
TALK x IS NULL
TALK AGGREGATE "SUM", rows, "price"
t = AGGREGATE rows COUNT city
TALK t
TALK AGGREGATE("AVG", rows, "price")
p = PIVOT rows, "city", "month", "price"
TALK p
g = GROUP BY rows, "city"
TALK UBOUND(g.Porto)
g = GROUP_BY(rows, "city", "SUM(price) AS total, COUNT(*) AS n")
TALK g
j = JOIN rows, [{city: "Porto", country: "PT"}], "city"
TALK j
"#,
        &[],
        expect![[r#"
            [{"city": "Porto", "price": 20, "month": "may"}, {"city": "Porto", "price": 5, "month": "june"}]
            [{"city": "Faro", "price": 30, "month": "may"}]
            true
            55
            3
            18.3333333333333
            [{"city": "Porto", "may": 20, "june": 5}, {"city": "Faro", "may": 30}]
            2
            [{"city": "Porto", "total": 25, "n": 2}, {"city": "Faro", "total": 30, "n": 1}]
            [{"city": "Porto", "price": 20, "month": "may", "country": "PT"}, {"city": "Porto", "price": 5, "month": "june", "country": "PT"}]
        "#]],
    );
}

#[test]
fn the_web() {
    check(
        r#"case_data = {title: "Leak"}
url = "https://example.org"
x = GET "https://example.org/a?b=" + 1
x = GET url
x = GET "rules.pdf"
x = GET "case_data.title"
TALK x
x = GET "user.name"
TALK x
x = POST url, {a: 1}
x = PUT url, {a: 1}
x = PATCH url, {a: 1}
x = POST "/api/tasks", {title: "Paint"}
CALL "/api/tasks", {title: "Paint"}
DELETE HTTP url
SET HEADER "Authorization", "Bearer x"
SET HEADER "Authorization" = "Bearer " + url
CLEAR HEADERS
x = GRAPHQL url, "{ a }", {}
x = SOAP url, "Op", {}
x = DOWNLOAD url
x = SCRAPE url, ".price"
x = RSS url, 5
x = WEATHER "Porto"
"#,
        &[],
        expect![[r#"
            ? GET "https://example.org/a?b=1"
            ? GET "https://example.org"
            ? GET "rules.pdf"
            Leak
            Ana
            ? POST "https://example.org" {"a":1}
            ? PUT "https://example.org" {"a":1}
            ? PATCH "https://example.org" {"a":1}
            ? POST "/api/tasks" {"title":"Paint"}
            ? CALL SERVICE "/api/tasks" {"title":"Paint"}
            ? DELETE HTTP "https://example.org"
            ? SET HEADER "Authorization" "Bearer x"
            ? SET HEADER "Authorization" "Bearer https://example.org"
            ? CLEAR HEADERS
            ? GRAPHQL "https://example.org" "{ a }" {}
            ? SOAP "https://example.org" "Op" {}
            ? DOWNLOAD "https://example.org"
            ? SCRAPE "https://example.org" ".price"
            ? RSS "https://example.org" 5
            ? WEATHER "Porto"
        "#]],
    );
}

#[test]
fn messages_and_files() {
    check(
        r#"to = "ana@example.org"
SEND MAIL to, "Your berth", "It is yours."
SEND EMAIL to,
  "Your berth",
  "It is yours."
SEND MAIL to, "s", "b", ["a.pdf"] USING "office"
SEND TEMPLATE "welcome" TO to WITH {name: "Ana"}
SEND TEMPLATE to, "welcome", {name: "Ana"}
SEND_TEMPLATE "welcome", to, "email", {name: "Ana"}
SEND_TEMPLATE_TO "welcome", [to], "email"
SEND SMS "+49", "hello"
SEND FILE "tariff.pdf"
SEND FILE TO to, "tariff.pdf", "Prices"
SEND TO "teams:x", "hello"
SEND MESSAGE to, "hello"
CREATE_DRAFT to, "s", "b"
CREATE DRAFT to, "s", "b"
POST TO INSTAGRAM "a.png", "Good morning"
POST TO "instagram,facebook" "a.png", "Good morning"
POST TO LINKEDIN "a.png", "Good morning" AT "2026-12-01"
BEGIN MAIL to
Subject: Berth ${to}

Hello,
it is yours.
END MAIL
x = READ "a.txt"
x = READ "a.csv" AS TABLE
WRITE "a.txt", {a: 1}
WRITE "text" TO "a.txt" APPEND
COPY "a", "b"
COPY "a" TO "b"
MOVE "a" TO "b"
DELETE FILE "a"
DELETE_FILE "a"
files = LIST "dir/" FILTER "*.pdf" RECURSIVE
z = COMPRESS files, "a.zip"
EXTRACT "a.zip", "dir/"
u = UPLOAD files, "dest"
u = UPLOAD files TO "dest" AS "name"
p = GENERATE PDF "tpl.html", {a: 1}, "out.pdf"
p = GENERATE PDF "out" WITH TEMPLATE "t" DATA {a: 1}
MERGE PDF files, "all.pdf"
CREATE FILE "p" WITH "text"
CREATE SITE "alias", "tpl", "prompt"
"#,
        &[],
        expect![[r#"
            ? SEND MAIL "ana@example.org" "Your berth" "It is yours."
            ? SEND MAIL "ana@example.org" "Your berth" "It is yours."
            ? SEND MAIL "ana@example.org" "s" "b" ["a.pdf"] using="office"
            ? SEND TEMPLATE "welcome" to="ana@example.org" with={"name":"Ana"}
            ? SEND TEMPLATE "ana@example.org" "welcome" {"name":"Ana"}
            ? SEND TEMPLATE "welcome" "ana@example.org" "email" {"name":"Ana"}
            ? SEND TEMPLATE TO "welcome" ["ana@example.org"] "email"
            ? SEND SMS "+49" "hello"
            ? SEND FILE "tariff.pdf"
            ? SEND FILE TO "ana@example.org" "tariff.pdf" "Prices"
            ? SEND TO "teams:x" "hello"
            ? SEND TO "ana@example.org" "hello"
            ? CREATE DRAFT "ana@example.org" "s" "b"
            ? CREATE DRAFT "ana@example.org" "s" "b"
            ? POST TO "INSTAGRAM" "a.png" "Good morning"
            ? POST TO "instagram,facebook" "a.png" "Good morning"
            ? POST TO "LINKEDIN" "a.png" "Good morning" at="2026-12-01"
            ? MAIL "ana@example.org" "Subject: Berth ana@example.org\n\nHello,\nit is yours."
            ? READ "a.txt"
            ? READ "a.csv" as="TABLE"
            ? WRITE "a.txt" {"a":1}
            ? WRITE "text" to="a.txt" append=true
            ? COPY "a" "b"
            ? COPY "a" "b"
            ? MOVE "a" "b"
            ? DELETE FILE "a"
            ? DELETE FILE "a"
            ? LIST "dir/" filter="*.pdf" recursive=true
            ? COMPRESS {"code":"not_configured","error":"LIST is not configured","success":false} "a.zip"
            ? EXTRACT "a.zip" "dir/"
            ? UPLOAD {"code":"not_configured","error":"LIST is not configured","success":false} "dest"
            ? UPLOAD {"code":"not_configured","error":"LIST is not configured","success":false} to="dest" as="name"
            ? GENERATE PDF "tpl.html" {"a":1} "out.pdf"
            ? GENERATE PDF "out" with template="t" data={"a":1}
            ? MERGE PDF {"code":"not_configured","error":"LIST is not configured","success":false} "all.pdf"
            ? CREATE FILE "p" with="text"
            ? CREATE SITE "alias" "tpl" "prompt"
        "#]],
    );
}

#[test]
fn people_and_automation() {
    check(
        r#"id = "s-1"
t = CREATE_TASK "Paint", "ana", TODAY
CREATE TASK "Paint", "long", "ana", "2026-12-01", "high"
BOOK "Inspection", "Hull", "2026-12-01", 60, "Dock"
BOOK_MEETING {title: "Regatta"}, ["ana"]
free = CHECK_AVAILABILITY "2026-12-01", 60
NOTIFY AGENT "ana", "waits"
q = GET QUEUE
q = GET QUEUE "waiting"
n = NEXT IN QUEUE
ASSIGN CONVERSATION id TO "ana"
RESOLVE CONVERSATION id WITH "done"
SET PRIORITY id TO "high"
SET PRIORITY id, "high"
a = GET ATTENDANTS
a = GET ATTENDANTS WITH STATUS "online"
s = GET ATTENDANT STATS "ana"
SET ATTENDANT STATUS "ana" TO "away"
tips = GET TIPS id, "hello"
m = POLISH MESSAGE "boat ready", "friendly"
r = GET SMART REPLIES id
s = GET SUMMARY id
m = ANALYZE SENTIMENT id, "hello"
TAG CONVERSATION id WITH "refund"
ADD NOTE "called" TO id
h = GET CUSTOMER HISTORY id
l = SCORE LEAD {a: 1}
l = AI SCORE LEAD {a: 1}, "ctx"
l = GET LEAD SCORE(id)
UPDATE LEAD SCORE id, 10, "asked"
SET SCHEDULE "0 9 * * *" "report.bas" "daily"
SET SCHEDULE DATEADD(TODAY, 1, "day"), "follow.bas"
SET SCHEDULE "0 9 " + DAY(TODAY) + " * *", "follow.bas"
SET SCHEDULE "0 9 * * *" DATEADD(TODAY, 1, "day"), "follow.bas"
when = "0 9 * * *"
SET SCHEDULE when, "follow.bas"
PUBLISH EVENT "arrived"
PUBLISH EVENT "arrived", {berth: 7}
e = WAIT FOR EVENT "arrived" TIMEOUT 60
ORCHESTRATE WORKFLOW "arrival"
STEP 1: BOT "billing" "charge"
STEP 2: BOT "dock" "prepare"
"#,
        &[],
        expect![[r#"
            ? CREATE TASK "Paint" "ana" "2026-03-01"
            ? CREATE TASK "Paint" "long" "ana" "2026-12-01" "high"
            ? BOOK "Inspection" "Hull" "2026-12-01" 60 "Dock"
            ? BOOK MEETING {"title":"Regatta"} ["ana"]
            ? CHECK AVAILABILITY "2026-12-01" 60
            ? NOTIFY AGENT "ana" "waits"
            ? GET QUEUE
            ? GET QUEUE "waiting"
            ? NEXT IN QUEUE
            ? ASSIGN CONVERSATION "s-1" "ana"
            ? RESOLVE CONVERSATION "s-1" "done"
            ? SET PRIORITY "s-1" "high"
            ? SET PRIORITY "s-1" "high"
            ? GET ATTENDANTS
            ? GET ATTENDANTS with status="online"
            ? GET ATTENDANT STATS "ana"
            ? SET ATTENDANT STATUS "ana" "away"
            ? GET TIPS "s-1" "hello"
            ? POLISH MESSAGE "boat ready" "friendly"
            ? GET SMART REPLIES "s-1"
            ? GET SUMMARY "s-1"
            ? ANALYZE SENTIMENT "s-1" "hello"
            ? TAG CONVERSATION "s-1" "refund"
            ? ADD NOTE "called" "s-1"
            ? GET CUSTOMER HISTORY "s-1"
            ? SCORE LEAD {"a":1}
            ? AI SCORE LEAD {"a":1} "ctx"
            ? GET LEAD SCORE "s-1"
            ? UPDATE LEAD SCORE "s-1" 10 "asked"
            ? SCHEDULE "0 9 * * *" "report.bas" "daily"
            ? SCHEDULE "2026-03-02" "follow.bas"
            ? SCHEDULE "0 9 1 * *" "follow.bas"
            ? SCHEDULE "0 9 * * *" "2026-03-02" "follow.bas"
            ? SCHEDULE "0 9 * * *" "follow.bas"
            ? PUBLISH EVENT "arrived"
            ? PUBLISH EVENT "arrived" {"berth":7}
            ? WAIT FOR EVENT "arrived" timeout=60
            ? ORCHESTRATE WORKFLOW "arrival"
            ? STEP 1 "BOT" "billing" "charge"
            ? STEP 2 "BOT" "dock" "prepare"
        "#]],
    );
}

#[test]
fn what_is_refused_is_a_value_and_an_error_where_errors_are_caught() {
    check(
        r#"x = LLM "hello"
TALK x
TALK x.code
TALK IS_ERROR(x)
IF ERROR THEN TALK "pending: " + ERROR MESSAGE
CLEAR ERROR
TRY
  y = LLM "hello"
  TALK "not reached"
CATCH e
  TALK "caught: " + e
END TRY
ON ERROR RESUME NEXT
z = LLM "hello"
TALK "goes on: " + ERROR MESSAGE
"#,
        &[],
        expect![[r#"
            ? LLM "hello"
            LLM is not configured
            not_configured
            true
            pending: LLM is not configured (not_configured)
            ? LLM "hello"
            caught: LLM is not configured (not_configured)
            ? LLM "hello"
            goes on: LLM is not configured (not_configured)
        "#]],
    );
}

#[test]
fn lists_are_found_in_like_tables_whatever_stands_in_them() {
    check(
        r#"rows = []
FOR i = 1 TO 60
  k = i
  IF i MOD 3 = 0 THEN k = "" + i
  IF i MOD 7 = 0 THEN k = "w" + i
  PUSH rows, {"k": k, "even": i MOD 2 = 0, "n": i}
NEXT
sorted = FIND rows ORDER BY k
TALK UBOUND(sorted)
TALK AGGREGATE rows SUM n WHERE even = TRUE
TALK UBOUND(FIND(rows) WHERE TRUE)
x = FIND rows WHERE FALSE
TALK UBOUND(x)
x = FIND rows LIMIT "5"
TALK UBOUND(x)
orders = GET "orders.json"
berths = FIND berths WHERE free = TRUE
confirm = "yes"
x = confirm
TALK x
row = {"n": 1}
r = CREATE TASK "t" WITH row : TALK "made"
POST TO INSTAGRAM "a.png", "hi" : TALK "posted"
order = {}
n = UPDATE("orders", order.id, {"status": "done"})
n = DELETE("orders", order.id)
ON ERROR RESUME NEXT
x = FIND rows LIMIT -1
TALK ERROR MESSAGE
"#,
        &[],
        expect![[r#"
            60
            930
            60
            0
            5
            ? GET "orders.json"
            ? FIND "berths" | free Equal true
            yes
            ? CREATE TASK "t" with={"n":1}
            made
            ? POST TO "INSTAGRAM" "a.png" "hi"
            posted
            ? UPDATE "orders" null {"status":"done"} | ()
            ? DELETE "orders" null | ()
            LIMIT is a number of rows
        "#]],
    );
}

#[test]
fn clauses_stand_behind_variables_of_any_name() {
    check(
        r#"sum = 5
limit = 3
format = "x"
to = "ana@example.org"
where_it_is = "a = 1"
x = FIND "t" WHERE total = sum LIMIT 5
x = FIND "t" WHERE due < today ORDER BY due LIMIT limit
x = FIND "t" WHERE due < now AND done = FALSE LIMIT limit
WRITE "f.txt", format APPEND
SEND TEMPLATE("welcome", to)
SEND TEMPLATE("welcome", to, "email", {a: 1})
SEND TEMPLATE to, "welcome", {a: 1}
x = FIND "t" WHERE where_it_is
x = FIND "t" WHERE where_it_is ORDER BY a
x = FIND "t" WHERE active ORDER BY a
"#,
        &[],
        expect![[r#"
            ? FIND "t" limit=5 | total Equal 5
            ? FIND "t" order by=[["due",false]] limit=3 | due Less "2026-03-01"
            ? FIND "t" limit=3 | (due Less "2026-03-01 09:05:07" and done Equal false)
            ? WRITE "f.txt" "x" append=true
            ? SEND TEMPLATE "welcome" "ana@example.org"
            ? SEND TEMPLATE "welcome" "ana@example.org" "email" {"a":1}
            ? SEND TEMPLATE "ana@example.org" "welcome" {"a":1}
            ? FIND "t" | a Equal 1
            ? FIND "t" order by=[["a",false]] | a Equal 1
            ? FIND "t" order by=[["a",false]] | active Equal true
        "#]],
    );
}

#[test]
fn a_text_that_compares_nothing_is_an_id() {
    check(
        r#"id = "9f1c-7"
rows = [{id: "9f1c-7", n: 1}, {id: "z", n: 2}]
TALK FIND(rows, id)
x = FIND("t", id)
UPDATE "t", id, {a: 1}
UPDATE "t", id, "a", 1
DELETE "t", id
DELETE FROM "t", "ORD-2026/17"
nothing = ""
DELETE "t", nothing
UPDATE "t", nothing, {a: 1}
DELETE "t", "a 1"
"#,
        &[],
        expect![[r#"
            [{"id": "9f1c-7", "n": 1}]
            ? FIND "t" "9f1c-7" | id Equal "9f1c-7"
            ? UPDATE "t" "9f1c-7" {"a":1} | id Equal "9f1c-7"
            ? UPDATE "t" "9f1c-7" "a" 1 | id Equal "9f1c-7"
            ? DELETE "t" "9f1c-7" | id Equal "9f1c-7"
            ? DELETE "t" "ORD-2026/17" | id Equal "ORD-2026/17"
            ? DELETE "t" "" | ()
            ? UPDATE "t" "" {"a":1} | ()
            failed R0204 12:1 the condition needs a comparison such as =, <> or LIKE at `1`
        "#]],
    );
}

#[test]
fn fields_are_computed_where_the_rows_are() {
    check(
        r#"sold = 3
UPDATE "berths" SET stock = stock - sold, note = "x", total = (total + 1) * 2 - LEN("ab") WHERE id = 1
UPDATE "berths" SET stock = -stock WHERE id = 1
stock = 9
UPDATE "berths" SET stock = stock - 1 WHERE id = 1
x = SELECT name FROM berths WHERE seen > DATE '2026-01-01' AND seen < NOW() - INTERVAL '7 days' AND city = 'a'
"#,
        &[],
        expect![[r#"
            ? UPDATE "berths" computed={"stock":["chain",["field","stock"],"-",["value",3]],"total":["chain",["chain",["chain",["field","total"],"+",["value",1]],"*",["value",2]],"-",["value",2]]} set={"note":"x"} | id Equal 1
            ? UPDATE "berths" computed={"stock":["negate",["field","stock"]]} set={} | id Equal 1
            ? UPDATE "berths" set={"stock":8} | id Equal 1
            ? SELECT "SELECT name FROM berths WHERE seen > DATE '2026-01-01' AND seen < NOW() - INTERVAL '7 days' AND city = 'a'" variables={}
        "#]],
    );
}

#[test]
fn workflows_and_what_stands_in_them() {
    check(
        r#"category = "billing"
ORCHESTRATE WORKFLOW "complaint"
STEP 1: BOT "classifier" "analyze"
STEP 2: BOT "billing" "refund" IF category = "billing"
STEP 3: HUMAN APPROVAL FROM "ana@example.org" TIMEOUT 1800
STEP 4: PARALLEL
  BRANCH A: BOT "one" "x"
  BRANCH B: BOT "two" "y"
END PARALLEL
END WORKFLOW
POST TO LINKEDIN AT "2026-03-01 10:00" "a.png", "later"
answer = LLM "x" WITH OPTIMIZE FOR "cost" MAX_COST 0.01 MAX_LATENCY 2000
all = PRODUCTS
templates = LIST_TEMPLATES
"#,
        &[],
        expect![[r#"
            ? ORCHESTRATE WORKFLOW "complaint"
            ? STEP 1 "BOT" "classifier" "analyze"
            ? STEP 2 "BOT" "billing" "refund" "IF" true
            ? STEP 3 "HUMAN" "APPROVAL" "FROM" "ana@example.org" "TIMEOUT" 1800
            ? STEP 4 "PARALLEL"
            ? STEP "A" "BOT" "one" "x"
            ? STEP "B" "BOT" "two" "y"
            ? POST TO "LINKEDIN" "a.png" "later" at="2026-03-01 10:00"
            ? LLM "x" with optimize for="cost" max cost=0.01 max latency=2000
            ? PRODUCTS
            ? LIST TEMPLATES
        "#]],
    );
}
