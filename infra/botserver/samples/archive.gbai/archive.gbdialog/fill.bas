DESCRIPTION "Fills a form with data"
PARAM data AS OBJECT LIKE {name: "Ana"} DESCRIPTION "What goes into it"
FILL "form.docx", data TO "filled/form.docx"
merged = MERGE PDF ["a.pdf", "b.pdf"], "all.pdf"
RETURN merged
