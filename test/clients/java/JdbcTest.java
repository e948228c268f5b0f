import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.StringReader;
import java.io.StringWriter;
import java.sql.BatchUpdateException;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.sql.XAConnection;
import javax.transaction.xa.XAException;
import javax.transaction.xa.XAResource;
import javax.transaction.xa.Xid;
import org.postgresql.PGConnection;
import org.postgresql.util.ServerErrorMessage;
import org.postgresql.xa.PGXADataSource;

/** pgjdbc over a protected table (beesel.notitie) and a mixed one (beesel.zaak); see test/clients/jdbc.sh. */
class JdbcTest extends Tap
{
	private static final String NOTES = "SELECT inhoud FROM beesel.notitie ORDER BY id";
	private static final List<String> INTAKE = List.of("intake een", "intake twee");
	private static final List<String> OVERLEG = List.of("overleg een", "overleg twee");

	public static void main(String[] arguments) throws Exception
	{
		errors();
		for (String mode : List.of("simple", "extended", "extendedForPrepared", "extendedCacheEverything"))
			allColumns(mode);
		prepared();
		metadata();
		cursors();
		updatable();
		inserts();
		upserts();
		savepoints();
		copy();
		calls();
		twoPhase();
		pool();
		doneTesting();
	}

	/** A transaction with a purpose; rolled back. */
	private static void in(Connection connection, String purpose, Step step) throws Exception
	{
		connection.setAutoCommit(false);
		try
		{
			enter(connection, purpose);
			step.run();
		}
		finally
		{
			connection.rollback();
		}
	}

	private static void enter(Connection connection, String purpose) throws SQLException
	{
		try (PreparedStatement enter = connection.prepareStatement("SELECT casus.enter(?)"))
		{
			enter.setString(1, purpose);
			enter.execute();
		}
	}

	/** [B-9] What a program needs of a refusal stands in fields of its own. */
	private static void errors() throws Exception
	{
		try (Connection connection = connect("bs_coordinator"))
		{
			try
			{
				values(connection, NOTES);
				ok(false, "without a purpose the query is refused", "");
			}
			catch (SQLException error)
			{
				ServerErrorMessage message = message(error);
				is(error.getSQLState(), "42501", "SQLException.getSQLState() is 42501");
				is(message.getConstraint(), "casus.no_purpose", "getServerErrorMessage().getConstraint() is the code");
				ok(message.getDetail().contains("art."), "getDetail() cites the article", message.getDetail());
				ok(message.getHint().contains("casus.enter"), "getHint() says what to do next", message.getHint());
			}
			is(values(connection, "SELECT titel FROM beesel.zaak ORDER BY id"), List.of("vergunning een", "vergunning twee"),
				"autocommit: a mixed table gives what is outside the protocol");
			try
			{
				enter(connection, "intake");
				ok(false, "autocommit: enter is refused", "");
			}
			catch (SQLException error)
			{
				is(error.getSQLState(), "25P01", "autocommit: enter is refused");
				ok(message(error).getHint().startsWith("BEGIN"), "with a hint to begin a transaction", message(error).getHint());
			}
			connection.setAutoCommit(false);
			enter(connection, "intake");
			is(values(connection, NOTES), INTAKE, "setAutoCommit(false): enter binds the statements after it");
			connection.commit();
			is(refusal(() -> values(connection, NOTES)), "casus.no_purpose", "and none after the commit");
			connection.rollback();
			connection.setReadOnly(true);
			connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
			in(connection, "overleg", () -> is(values(connection, NOTES), OVERLEG, "a read-only serializable transaction has a purpose too"));
		}
	}

	/** SELECT * with the label, in each of the driver's query modes, by text and by binary transfer. */
	private static void allColumns(String mode) throws Exception
	{
		/* -1: prepared on the server and binary from the first execution on. */
		for (String threshold : List.of("0", "-1"))
			try (Connection connection = connect("bs_coordinator", "preferQueryMode", mode, "prepareThreshold", threshold))
			{
				String how = mode + ", prepareThreshold " + threshold;
				in(connection, "intake", () ->
				{
					try (PreparedStatement query = connection.prepareStatement("SELECT * FROM beesel.zaak WHERE id >= ? ORDER BY id"))
					{
						query.setInt(1, 1);
						ResultSet rows = query.executeQuery();
						List<Object> labels = new ArrayList<>(), numbers = new ArrayList<>();
						while (rows.next())
						{
							labels.add(rows.getObject("casus_label").getClass());
							numbers.add(rows.getInt("id"));
						}
						is(numbers, List.of(1, 2, 3), how + ": SELECT * gives the governed row and the others");
						is(labels, List.of(UUID.class, UUID.class, UUID.class), how + ": the label is a java.util.UUID");
						ResultSetMetaData columns = rows.getMetaData();
						int label = columns.getColumnCount();
						is(columns.getColumnName(label) + " " + columns.getColumnTypeName(label) + " " + columns.getColumnType(label),
							"casus_label uuid " + Types.OTHER, how + ": ResultSetMetaData knows the label");
					}
				});
			}
		try (Connection connection = connect("bs_coordinator"))
		{
			in(connection, "intake", () ->
			{
				UUID label = UUID.fromString(values(connection, "SELECT casus_label FROM beesel.zaak WHERE id = 3").get(0));
				try (PreparedStatement query = connection.prepareStatement("SELECT id FROM beesel.zaak WHERE casus_label = ?"))
				{
					query.setObject(1, label);
					is(column(query.executeQuery(), "id"), List.of("3"), "a label is a parameter as any UUID");
				}
			});
		}
	}

	/** A statement that the server keeps is bound by the context in which it runs (A015). */
	private static void prepared() throws Exception
	{
		try (Connection connection = connect("bs_coordinator", "prepareThreshold", "2"))
		{
			connection.setAutoCommit(false);
			try (PreparedStatement query = connection.prepareStatement("SELECT inhoud FROM beesel.notitie WHERE inhoud LIKE ? ORDER BY id"))
			{
				query.setString(1, "%");
				for (int i = 0; i < 8; i++)
				{
					enter(connection, "intake");
					if (i == 7)
						is(column(query.executeQuery(), "inhoud"), INTAKE, "prepared on the server: the rows of the context");
					else
						query.executeQuery().close();
					connection.rollback();
				}
				is(refusal(query::executeQuery), "casus.no_purpose", "the same statement without a context: refused");
				connection.rollback();
				enter(connection, "overleg");
				is(column(query.executeQuery(), "inhoud"), OVERLEG, "the same statement in another context: its rows");
				enter(connection, "intake");
				is(column(query.executeQuery(), "inhoud"), INTAKE, "and after another enter in the same transaction");
				connection.rollback();
			}
			execute(connection, "DISCARD PLANS");
			connection.commit();
		}
		/* The driver's statement cache outlives the statement, and the plan a change of the table. */
		try (Connection connection = connect("bs_coordinator", "prepareThreshold", "1", "autosave", "conservative"))
		{
			connection.setAutoCommit(false);
			enter(connection, "intake");
			values(connection, NOTES);
			execute(connection, "DEALLOCATE ALL");
			is(values(connection, NOTES), INTAKE, "a statement that is prepared again after DEALLOCATE ALL");
			connection.rollback();
		}
	}

	private static List<String> metadata(ResultSet rows, String name) throws SQLException
	{
		try (rows)
		{
			return column(rows, name);
		}
	}

	/** What tools ask for; it needs no purpose. */
	private static void metadata() throws Exception
	{
		for (String user : List.of("bs_coordinator", "bs_stranger", "postgres"))
			try (Connection connection = connect(user))
			{
				DatabaseMetaData data = connection.getMetaData();
				ok(metadata(data.getTables(null, "beesel", "%", new String[] {"TABLE"}), "TABLE_NAME").containsAll(List.of("notitie", "zaak", "betrokkene")),
					user + ": getTables", "");
				is(metadata(data.getColumns(null, "beesel", "notitie", "%"), "COLUMN_NAME"),
					List.of("id", "dossier", "categorie", "inhoud", "casus_label"), user + ": getColumns");
				try (ResultSet label = data.getColumns(null, "beesel", "notitie", "casus_label"))
				{
					label.next();
					is(label.getString("TYPE_NAME") + " " + label.getInt("DATA_TYPE"), "\"casus\".\"label\" " + Types.DISTINCT,
						user + ": the label is a distinct type there");
				}
				is(metadata(data.getPrimaryKeys(null, "beesel", "zaak"), "COLUMN_NAME"), List.of("id"), user + ": getPrimaryKeys");
				is(metadata(data.getImportedKeys(null, "beesel", "betrokkene"), "PKTABLE_NAME"), List.of("zaak"), user + ": getImportedKeys");
				is(metadata(data.getExportedKeys(null, "beesel", "zaak"), "FKTABLE_NAME"), List.of("betrokkene"), user + ": getExportedKeys");
				ok(metadata(data.getIndexInfo(null, "beesel", "zaak", true, true), "INDEX_NAME").contains("zaak_nummer_key"), user + ": getIndexInfo", "");
				ok(metadata(data.getTablePrivileges(null, "beesel", "zaak"), "PRIVILEGE").contains("SELECT"), user + ": getTablePrivileges", "");
				ok(metadata(data.getColumnPrivileges(null, "beesel", "zaak", "titel"), "PRIVILEGE").contains("SELECT"), user + ": getColumnPrivileges", "");
				is(metadata(data.getBestRowIdentifier(null, "beesel", "zaak", DatabaseMetaData.bestRowSession, false), "COLUMN_NAME"),
					List.of("id"), user + ": getBestRowIdentifier");
				ok(metadata(data.getFunctions(null, "casus", "enter"), "FUNCTION_NAME").contains("enter"), user + ": getFunctions", "");
				ok(metadata(data.getSchemas(), "TABLE_SCHEM").contains("casus"), user + ": getSchemas", "");
				ok(metadata(data.getUDTs(null, "casus", "label", null), "TYPE_NAME").contains("label"), user + ": getUDTs", "");
				try (PreparedStatement query = connection.prepareStatement("SELECT * FROM beesel.notitie"))
				{
					is(query.getMetaData().getColumnCount(), 5, user + ": the columns of a statement that is not executed");
				}
			}
	}

	/** setFetchSize: a portal that is executed in parts (A021). */
	private static void cursors() throws Exception
	{
		try (Connection connection = connect("bs_coordinator"))
		{
			connection.setAutoCommit(false);
			for (String after : Arrays.asList(null, "SELECT casus.leave()", "SELECT casus.enter('overleg')", "SET LOCAL ROLE bs_coordinator"))
			{
				enter(connection, "intake");
				Statement statement = connection.createStatement();
				statement.setFetchSize(1);
				ResultSet rows = statement.executeQuery(NOTES);
				rows.next();
				is(rows.getString(1), "intake een", "fetch size 1: the first row");
				if (after == null)
				{
					rows.next();
					is(rows.getString(1), "intake twee", "and the second");
				}
				else
				{
					execute(connection, after);
					is(refusal(rows::next), "casus.context_changed", "a fetch after " + after + " fails");
				}
				connection.rollback();
			}
			enter(connection, "intake");
			Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
			ResultSet rows = statement.executeQuery(NOTES);
			rows.last();
			rows.previous();
			is(rows.getString(1), "intake een", "a scrollable result set goes back");
			connection.rollback();

			/* A result set that stays open over the commit is in the driver's memory, not on the server. */
			enter(connection, "intake");
			statement = connection.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY, ResultSet.HOLD_CURSORS_OVER_COMMIT);
			statement.setFetchSize(1);
			rows = statement.executeQuery(NOTES);
			connection.commit();
			is(column(rows, "inhoud"), INTAKE, "HOLD_CURSORS_OVER_COMMIT: what was read before the commit");
		}
	}

	/** updateRow, insertRow and deleteRow of an updatable result set. */
	private static void updatable() throws Exception
	{
		try (Connection connection = connect("bs_coordinator"))
		{
			in(connection, "intake", () ->
			{
				Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
				ResultSet rows = statement.executeQuery("SELECT * FROM beesel.zaak WHERE id >= 2 ORDER BY id");
				rows.next();
				rows.updateString("titel", "gewijzigd twee");
				rows.updateRow();
				rows.next();
				rows.updateString("titel", "gewijzigd drie");
				rows.updateRow();
				is(values(connection, "SELECT titel FROM beesel.zaak WHERE id >= 2 ORDER BY id"), List.of("gewijzigd twee", "gewijzigd drie"),
					"updateRow changes a row outside and a governed one");
				rows.refreshRow();
				is(rows.getString("titel"), "gewijzigd drie", "refreshRow finds it");
				rows.moveToInsertRow();
				rows.updateString("nummer", "Z-9");
				rows.updateString("soort", "ondermijning");
				rows.updateString("titel", "signaal negen");
				rows.insertRow();
				is(values(connection, "SELECT titel FROM beesel.zaak WHERE nummer = 'Z-9'"), List.of("signaal negen"), "insertRow opens a dossier");
				rows.moveToCurrentRow();
				rows.updateObject("casus_label", UUID.randomUUID());
				is(refusal(rows::updateRow), "casus.label", "the label cannot be written so");
			});
			is(refusal(() ->
			{
				connection.setAutoCommit(false);
				Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
				ResultSet rows = statement.executeQuery("SELECT * FROM beesel.zaak WHERE id = 1");
				rows.next();
				rows.updateString("soort", "ondermijning");
				rows.updateRow();
			}).startsWith("casus."), true, "updateRow makes no row governed without a purpose");
			connection.rollback();
		}
	}

	/** Generated keys and batches, as the driver sends them and as it rewrites them. */
	private static void inserts() throws Exception
	{
		String insert = "INSERT INTO beesel.zaak (nummer, soort, titel, bedrag) VALUES (?, ?, ?, ?)";
		for (String rewrite : List.of("false", "true"))
			try (Connection connection = connect("bs_coordinator", "reWriteBatchedInserts", rewrite))
			{
				String how = "reWriteBatchedInserts " + rewrite + ": ";
				in(connection, "intake", () ->
				{
					try (PreparedStatement batch = connection.prepareStatement(insert, Statement.RETURN_GENERATED_KEYS))
					{
						for (int i = 0; i < 5; i++)
						{
							batch.setString(1, "B-" + i);
							batch.setString(2, i % 2 == 0 ? "ondermijning" : "parkeren");
							batch.setString(3, "uit een batch");
							batch.setBigDecimal(4, new java.math.BigDecimal("12.50"));
							batch.addBatch();
						}
						batch.executeBatch();
						ResultSet keys = batch.getGeneratedKeys();
						int governed = 0, count = 0;
						while (keys.next())
						{
							count++;
							if (!keys.getString("casus_label").startsWith("6f757473"))
								governed++;
						}
						is(count + " " + governed, "5 3", how + "a batch gives its keys, RETURNING * with labels");
					}
					is(values(connection, "SELECT count(*) FROM beesel.zaak WHERE nummer LIKE 'B-%'"), List.of("5"), how + "who inserts sees the rows");
				});
				connection.setAutoCommit(false);
				try (PreparedStatement batch = connection.prepareStatement(insert))
				{
					for (String kind : List.of("parkeren", "ondermijning"))
					{
						batch.setString(1, "X-" + kind);
						batch.setString(2, kind);
						batch.setString(3, "zonder doel");
						batch.setNull(4, Types.NUMERIC);
						batch.addBatch();
					}
					is(refusal(batch::executeBatch), "casus.no_purpose", how + "a governed row in a batch without purpose refuses the batch");
				}
				connection.rollback();
				is(values(connection, "SELECT count(*) FROM beesel.zaak WHERE nummer LIKE 'X-%'"), List.of("0"), how + "and nothing is stored");
				connection.rollback();
			}
		try (Connection connection = connect("bs_coordinator"))
		{
			try (PreparedStatement batch = connection.prepareStatement(insert, new String[] {"id"}))
			{
				batch.setString(1, "A-1");
				batch.setString(2, "parkeren");
				batch.setString(3, "autocommit");
				batch.setNull(4, Types.NUMERIC);
				batch.executeUpdate();
				ok(batch.getGeneratedKeys().next(), "autocommit: a row outside is inserted and gives its key", "");
			}
			execute(connection, "DELETE FROM beesel.zaak WHERE nummer = 'A-1'");
			is(refusal(() -> execute(connection, "INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ('A-2', 'ondermijning', 'x')")),
				"casus.no_purpose", "autocommit: a governed row is refused");

			/* A deferred key: the child first. */
			in(connection, "intake", () ->
			{
				execute(connection, "INSERT INTO beesel.betrokkene (zaak_id, naam) VALUES (900, 'kind eerst')");
				execute(connection, "INSERT INTO beesel.zaak (id, nummer, soort, titel) VALUES (900, 'Z-900', 'ondermijning', 'ouder later')");
				execute(connection, "SET CONSTRAINTS ALL IMMEDIATE");
				is(values(connection, "SELECT naam FROM beesel.betrokkene WHERE zaak_id = 900"), List.of("kind eerst"), "child before parent, by a deferred key");
			});
		}
	}

	/** Onto rows that are seen, and onto a hidden one (A041). */
	private static void upserts() throws Exception
	{
		String upsert = "INSERT INTO beesel.zaak (nummer, soort, titel) VALUES (?, ?, ?)"
			+ " ON CONFLICT (nummer) DO UPDATE SET titel = EXCLUDED.titel RETURNING id, titel";
		Map<String, String> kinds = Map.of("Z-1", "parkeren", "Z-3", "ondermijning", "Z-7", "ondermijning");
		try (Connection connection = connect("bs_coordinator"))
		{
			in(connection, "intake", () ->
			{
				for (String number : List.of("Z-1", "Z-3", "Z-7"))
					try (PreparedStatement statement = connection.prepareStatement(upsert))
					{
						statement.setString(1, number);
						statement.setString(2, kinds.get(number));
						statement.setString(3, "nieuw " + number);
						is(column(statement.executeQuery(), "titel"), List.of("nieuw " + number), "upsert of " + number);
					}
			});
			in(connection, "overleg", () ->
			{
				try (PreparedStatement statement = connection.prepareStatement(upsert))
				{
					statement.setString(1, "Z-3");
					statement.setString(2, "parkeren");
					statement.setString(3, "nieuw");
					String refusal = refusal(statement::executeQuery);
					ok(refusal.contains("42501") && !refusal.contains("drie"), "upsert onto a row that the context does not see is refused, without its values", refusal);
				}
			});
		}
	}

	/** A context follows subtransactions (A009). */
	private static void savepoints() throws Exception
	{
		try (Connection connection = connect("bs_coordinator"))
		{
			in(connection, "intake", () ->
			{
				Savepoint savepoint = connection.setSavepoint();
				enter(connection, "overleg");
				is(values(connection, NOTES), OVERLEG, "enter after a savepoint");
				connection.rollback(savepoint);
				is(values(connection, NOTES), INTAKE, "rolled back to it: the context from before");
				savepoint = connection.setSavepoint();
				enter(connection, "overleg");
				connection.releaseSavepoint(savepoint);
				is(values(connection, NOTES), OVERLEG, "released: the later context");
			});
		}
		/* autosave puts a savepoint before each statement. */
		try (Connection connection = connect("bs_coordinator", "autosave", "always", "cleanupSavepoints", "true"))
		{
			in(connection, "intake", () ->
			{
				is(values(connection, NOTES), INTAKE, "autosave=always: the context stays");
				is(refusal(() -> enter(connection, "regie_bestaat_niet")).startsWith("casus."), true, "a refused enter is an error of its own");
				is(values(connection, NOTES), INTAKE, "and leaves the context of before");
			});
		}
	}

	private static void copy() throws Exception
	{
		try (Connection connection = connect("bs_coordinator"))
		{
			String out = "COPY (SELECT inhoud FROM beesel.notitie ORDER BY id) TO STDOUT";
			is(refusal(() -> connection.unwrap(PGConnection.class).getCopyAPI().copyOut(out, new StringWriter())), "casus.no_purpose",
				"CopyManager.copyOut without a purpose");
			in(connection, "intake", () ->
			{
				StringWriter text = new StringWriter();
				connection.unwrap(PGConnection.class).getCopyAPI().copyOut(out, text);
				is(text.toString(), "intake een\nintake twee\n", "CopyManager.copyOut of a query: the rows of the context");
			});
			in(connection, "intake", () ->
			{
				String refusal = refusal(() -> connection.unwrap(PGConnection.class).getCopyAPI().copyIn("COPY beesel.zaak (nummer, soort, titel) FROM STDIN",
					new StringReader("C-1\tparkeren\tkopie\n")));
				ok(refusal.contains("COPY FROM not supported with row-level security"), "CopyManager.copyIn is refused by PostgreSQL", refusal);
			});
		}
	}

	private static void calls() throws Exception
	{
		try (Connection connection = connect("bs_coordinator"))
		{
			connection.setAutoCommit(false);
			try (CallableStatement call = connection.prepareCall("{call casus.enter(?)}"))
			{
				call.setString(1, "intake");
				call.execute();
			}
			is(values(connection, NOTES), INTAKE, "{call casus.enter(?)}");
			try (CallableStatement call = connection.prepareCall("{? = call casus.dossier_of('beesel.zaak', ?)}"))
			{
				call.registerOutParameter(1, Types.BIGINT);
				call.setString(2, "3");
				call.execute();
				ok(call.getLong(1) > 0, "{? = call casus.dossier_of(?, ?)}", call.getLong(1));
			}
			connection.rollback();
			try (Statement statement = connection.createStatement())
			{
				statement.setQueryTimeout(1);
				enter(connection, "intake");
				String error = refusal(() -> statement.execute("SELECT pg_sleep(60), inhoud FROM beesel.notitie"));
				ok(error.contains("57014"), "setQueryTimeout cancels", error);
			}
			connection.rollback();
			is(refusal(() -> values(connection, NOTES)), "casus.no_purpose", "and the rollback ends the context");
		}
	}

	private static class TestXid implements Xid
	{
		private final byte number;

		TestXid(int number)
		{
			this.number = (byte) number;
		}

		public int getFormatId()
		{
			return 1;
		}

		public byte[] getGlobalTransactionId()
		{
			return new byte[] {number};
		}

		public byte[] getBranchQualifier()
		{
			return new byte[] {1};
		}
	}

	/** XA: a transaction with a context is not prepared; one about other rows is. */
	private static void twoPhase() throws Exception
	{
		PGXADataSource source = new PGXADataSource();
		source.setUrl(URL);
		source.setUser("bs_coordinator");
		source.setSocketFactory(UnixSockets.class.getName());
		source.setSocketFactoryArg(System.getenv("PGHOST") + "/.s.PGSQL." + System.getenv("PGPORT"));
		XAConnection connection = source.getXAConnection();
		XAResource resource = connection.getXAResource();
		Connection session = connection.getConnection();

		Xid xid = new TestXid(1);
		resource.start(xid, XAResource.TMNOFLAGS);
		enter(session, "intake");
		values(session, NOTES);
		resource.end(xid, XAResource.TMSUCCESS);
		String code = "";
		try
		{
			resource.prepare(xid);
		}
		catch (XAException error)
		{
			code = message(error) == null ? "(none) " + error : message(error).getConstraint();
		}
		is(code, "casus.bypass", "XA: a transaction with a context is not prepared");
		try
		{
			resource.rollback(xid);
		}
		catch (XAException gone)
		{
			/* The failed PREPARE has rolled it back already. */
		}

		xid = new TestXid(2);
		resource.start(xid, XAResource.TMNOFLAGS);
		is(refusal(() -> values(session, NOTES)), "casus.no_purpose", "XA: no context is left for the next transaction");
		resource.end(xid, XAResource.TMFAIL);
		resource.rollback(xid);

		xid = new TestXid(3);
		resource.start(xid, XAResource.TMNOFLAGS);
		execute(session, "INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ('XA-1', 'parkeren', 'twee fasen')");
		resource.end(xid, XAResource.TMSUCCESS);
		is(resource.prepare(xid), XAResource.XA_OK, "XA: a transaction about rows outside is prepared");
		resource.commit(xid, false);
		is(values(session, "SELECT titel FROM beesel.zaak WHERE nummer = 'XA-1'"), List.of("twee fasen"), "and committed");
		connection.close();
	}

	/** HikariCP with one connection: no context reaches who borrows it next (A008, A010). */
	private static void pool() throws Exception
	{
		HikariConfig config = new HikariConfig();
		config.setJdbcUrl(URL);
		config.setDataSourceProperties(properties("bs_coordinator"));
		config.setUsername("bs_coordinator");
		config.setMaximumPoolSize(1);
		try (HikariDataSource pool = new HikariDataSource(config))
		{
			List<String> backends = new ArrayList<>();
			for (String end : List.of("commit", "rollback", "close", "error"))
			{
				try (Connection connection = pool.getConnection())
				{
					backends.addAll(values(connection, "SELECT pg_backend_pid()"));
					connection.setAutoCommit(false);
					enter(connection, "intake");
					is(values(connection, NOTES), INTAKE, "pool: a borrower reads in its context");
					if (end.equals("commit"))
						connection.commit();
					if (end.equals("rollback"))
						connection.rollback();
					if (end.equals("error"))
						refusal(() -> values(connection, "SELECT 1/0"));
				}
				try (Connection connection = pool.getConnection())
				{
					backends.addAll(values(connection, "SELECT pg_backend_pid()"));
					is(refusal(() -> values(connection, NOTES)), "casus.no_purpose", "pool: after " + end + " the next borrower has none");
				}
			}
			is((int) backends.stream().distinct().count(), 1, "pool: all of them had the same connection");
			try (Connection connection = pool.getConnection())
			{
				ok(!refusal(() -> values(connection, "SELECT casus.enter('intake', lasts => 'session')")).isEmpty(),
					"pool: a context for the session is refused", "");
				is(refusal(() -> values(connection, NOTES)), "casus.no_purpose", "pool: and has left nothing");
			}
		}
	}
}
