#!/usr/bin/Rscript
# Packages: r-base-core r-cran-dbi r-cran-rpostgresql
# R (DBI, RPostgreSQL), as an analyst: reading whole tables, in parts, writing a data frame.
options(warn = -1)
suppressMessages(library(RPostgreSQL))
tests <- 0

ok <- function(passed, name, note = "") {
	tests <<- tests + 1
	cat(if (isTRUE(passed)) "ok" else "not ok", tests, "-", name, "\n")
	if (!isTRUE(passed)) cat(paste0("# ", unlist(strsplit(toString(note), "\n"))), sep = "\n")
}
is <- function(got, expected, name) ok(identical(got, expected), name, list("got:", got, "expected:", expected))

database <- "client_r"
src <- Sys.getenv("CASUS_SRC")
stopifnot(system2("createdb", database) == 0,
	system2("psql", c("-qX", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", shQuote("SET client_min_messages = warning"),
		"-c", shQuote("CREATE EXTENSION casus"), "-f", file.path(src, "test/fixtures/beesel.sql"),
		"-f", file.path(src, "test/clients/mixed.sql")), stdout = FALSE) == 0)
connect <- function() {
	dbConnect(PostgreSQL(), host = Sys.getenv("PGHOST"), port = as.integer(Sys.getenv("PGPORT")), dbname = database, user = "bs_coordinator")
}

# The driver prints an error and gives NULL, or raises it; the server's text is in dbGetException() either way.
refusal <- function(conn, expr) {
	invisible(capture.output(result <- try(expr, silent = TRUE), type = "output"))
	paste(dbGetException(conn)$errorMsg, if (inherits(result, "try-error")) result else "")
}
quiet <- function(expr) suppressWarnings(expr)
inhoud <- function(conn) quiet(dbGetQuery(conn, "SELECT inhoud FROM beesel.notitie ORDER BY id"))$inhoud
enter <- function(conn, purpose) {
	dbGetQuery(conn, "BEGIN")
	invisible(quiet(dbGetQuery(conn, "SELECT casus.enter($1)::text", purpose)))
}
intake <- c("intake een", "intake twee")

conn <- connect()
# [B-9] What the driver gives of a refusal: the text with the article and the hint; it has no field for the code.
message <- refusal(conn, dbSendQuery(conn, "SELECT * FROM beesel.notitie"))
ok(grepl("for a purpose only", message), "without a purpose the query is refused", message)
ok(grepl("art\\. 3\\.4", message) && grepl("HINT:.*casus.enter", message), "with the article and a hint", message)
is(dbGetQuery(conn, "SELECT titel FROM beesel.zaak ORDER BY id")$titel, c("vergunning een", "vergunning twee"),
	"a mixed table gives what is outside the protocol")
is(dbReadTable(conn, c("beesel", "zaak"))$id, 1:2, "dbReadTable too")
message <- refusal(conn, dbSendQuery(conn, "SELECT casus.enter('intake')"))
ok(grepl("transaction block", message) && grepl("HINT:.*BEGIN", message), "enter without a transaction is refused, with a hint", message)

enter(conn, "intake")
is(inhoud(conn), intake, "dbGetQuery in a context")
table <- quiet(dbReadTable(conn, c("beesel", "notitie")))
is(names(table), c("id", "dossier", "categorie", "inhoud", "casus_label"), "dbReadTable: SELECT * with the label")
ok(is.character(table$casus_label) && all(nchar(table$casus_label) == 36), "which is text", table$casus_label)
is(dbGetQuery(conn, "SELECT id FROM beesel.notitie WHERE casus_label = $1::uuid", table$casus_label[2])$id, table$id[2], "and a parameter")
invisible(dbCommit(conn))
message <- refusal(conn, dbSendQuery(conn, "SELECT inhoud FROM beesel.notitie"))
ok(grepl("for a purpose only", message), "nothing is left after dbCommit", message)

# Metadata.
ok(all(c("notitie", "zaak", "betrokkene") %in% dbListTables(conn)), "dbListTables")
is(dbListFields(conn, c("beesel", "notitie")), c("id", "dossier", "categorie", "inhoud", "casus_label"), "dbListFields")
ok(dbExistsTable(conn, c("beesel", "notitie")), "dbExistsTable")

# In parts: the driver keeps the result, so what was sent stays readable; a cursor does not.
enter(conn, "intake")
result <- dbSendQuery(conn, "SELECT inhoud FROM beesel.notitie ORDER BY id")
is(fetch(result, 1)$inhoud, intake[1], "dbSendQuery, fetch(1)")
is(dbColumnInfo(result)$name, "inhoud", "dbColumnInfo")
is(fetch(result, -1)$inhoud, intake[2], "fetch(-1): the rest")
invisible(dbClearResult(result))
invisible(dbGetQuery(conn, "DECLARE parts CURSOR FOR SELECT inhoud FROM beesel.notitie ORDER BY id"))
is(dbGetQuery(conn, "FETCH 1 FROM parts")$inhoud, intake[1], "a cursor: the first row")
invisible(quiet(dbGetQuery(conn, "SELECT casus.leave()::text")))
message <- refusal(conn, dbSendQuery(conn, "FETCH 1 FROM parts"))
ok(grepl("cursor", message), "a fetch after casus.leave() fails", message)
invisible(dbRollback(conn))

# Writing.
enter(conn, "intake")
row <- quiet(dbGetQuery(conn, "INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ($1, $2, $3) RETURNING *",
	list("R-1", "ondermijning", "uit R")))
ok(row$id > 3 && nchar(row$casus_label) == 36, "INSERT ... RETURNING * of a governed row", row)
upsert <- paste("INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ('R-1', 'ondermijning', 'nieuw')",
	"ON CONFLICT (nummer) DO UPDATE SET titel = EXCLUDED.titel RETURNING titel")
is(dbGetQuery(conn, upsert)$titel, "nieuw", "upsert")
frame <- dbGetQuery(conn, "SELECT count(*)::integer AS n, soort FROM beesel.zaak GROUP BY soort ORDER BY soort")
is(frame$n, c(2L, 2L), "aggregates in a context")
invisible(dbRollback(conn))
message <- refusal(conn, dbSendQuery(conn, "INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ('R-2', 'ondermijning', 'x')"))
ok(grepl("no purpose has been entered", message), "a governed row without a purpose", message)
# dbWriteTable appends by COPY FROM, which PostgreSQL refuses under row security.
message <- refusal(conn, dbWriteTable(conn, c("beesel", "zaak"), data.frame(nummer = "R-3", soort = "parkeren", titel = "x"),
	append = TRUE, row.names = FALSE))
ok(grepl("COPY FROM not supported with row-level security", message), "dbWriteTable(append = TRUE) is refused by PostgreSQL", message)

# A transaction that another session of R has not ended is not this one's.
enter(conn, "intake")
other <- connect()
message <- refusal(other, dbSendQuery(other, "SELECT inhoud FROM beesel.notitie"))
ok(grepl("for a purpose only", message), "another connection has no context", message)
invisible(dbDisconnect(conn))
invisible(dbDisconnect(other))
cat("1..", tests, "\n", sep = "")
