import casus.spring.CasusPurpose;
import casus.spring.CasusTransactionManager;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.core.simple.SimpleJdbcInsert;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.TransactionStatus;
import org.springframework.transaction.support.DefaultTransactionDefinition;
import org.springframework.transaction.support.TransactionTemplate;

/** An application with one login for its civil servants; see test/clients/spring.sh. */
class SpringTest extends Tap
{
	private static final String NOTES = "SELECT inhoud FROM beesel.notitie ORDER BY id";
	private static final List<String> INTAKE = List.of("intake een", "intake twee");
	private static final List<String> OVERLEG = List.of("overleg een", "overleg twee");

	private static CasusPurpose ofTheRequest;
	private static JdbcTemplate jdbc;
	private static CasusTransactionManager manager;

	public static void main(String[] arguments) throws Exception
	{
		HikariConfig config = new HikariConfig();
		config.setJdbcUrl(URL);
		config.setDataSourceProperties(properties("bs_spring_app"));
		config.setUsername("bs_spring_app");
		config.setMaximumPoolSize(2);
		try (HikariDataSource pool = new HikariDataSource(config))
		{
			manager = new CasusTransactionManager(pool, () -> ofTheRequest);
			jdbc = new JdbcTemplate(pool);
			reading();
			nesting();
			writing();
		}
		withoutPool();
		doneTesting();
	}

	private static List<String> notes()
	{
		return jdbc.queryForList(NOTES, String.class);
	}

	private static String code(Step step)
	{
		try
		{
			step.run();
			return "";
		}
		catch (Exception error)
		{
			return String.valueOf(CasusPurpose.refusal(error));
		}
	}

	private static CasusPurpose coordinator(String purpose)
	{
		return CasusPurpose.of(purpose).as("bs_coordinator");
	}

	private static void reading()
	{
		is(code(SpringTest::notes), "casus.no_purpose", "without a transaction: refused");
		is(jdbc.queryForList("SELECT titel FROM beesel.zaak ORDER BY id", String.class), List.of("vergunning een", "vergunning twee"),
			"a mixed table gives what is outside the protocol");
		is(code(() -> jdbc.queryForObject("SELECT 1/0", Integer.class)), "null", "refusal() leaves other errors alone");

		is(manager.execute(coordinator("intake"), status -> notes()), INTAKE, "execute: reads in the context");
		is(code(SpringTest::notes), "casus.no_purpose", "and leaves none");
		is(jdbc.queryForObject("SELECT current_user", String.class), "bs_spring_app", "nor the civil servant's role");
		is(code(() -> new TransactionTemplate(manager).execute(status ->
		{
			jdbc.execute("SET LOCAL ROLE bs_coordinator");
			return notes();
		})), "casus.no_purpose", "nor a context for who takes that role again");
		long dossier = jdbc.queryForObject("SELECT dossier FROM beesel.fixture WHERE name = 'overleg'", Long.class);
		is(manager.execute(coordinator("overleg").dossier(dossier), status -> notes()), OVERLEG, "one dossier");
		is(manager.execute(new CasusPurpose("overleg", dossier, "afgevaardigde", "bestuurlijke_handhaving", "ondermijning", "bs_handhaving"),
			status -> notes()), List.of("overleg twee"), "all arguments: a delegate sees what is his party's");

		is(code(() -> manager.execute(CasusPurpose.of("intake"), status -> notes())), "casus.no_appointment",
			"the application itself has no appointment: the transaction does not begin");
		is(code(() -> manager.execute(coordinator("'); SELECT ('"), status -> notes())), "casus.wrong_purpose", "arguments are bound, not executed");
		is(code(SpringTest::notes), "casus.no_purpose", "what did not begin leaves nothing");

		/* What the request is for, for every transaction in it; as with @Transactional. */
		ofTheRequest = coordinator("intake");
		TransactionTemplate template = new TransactionTemplate(manager);
		is(template.execute(status -> notes()), INTAKE, "the supplier's purpose binds any transaction of the manager");
		template.setReadOnly(true);
		template.setIsolationLevel(TransactionDefinition.ISOLATION_SERIALIZABLE);
		is(template.execute(status -> notes()), INTAKE, "a read-only serializable one too");
		ofTheRequest = null;
		is(code(() -> template.execute(status -> notes())), "casus.no_purpose", "and none when it has none");
	}

	/** A connection that nobody resets: a transaction that did not begin is rolled back all the same. */
	private static void withoutPool() throws Exception
	{
		SingleConnectionDataSource source = new SingleConnectionDataSource(connect("bs_spring_app"), true);
		CasusTransactionManager single = new CasusTransactionManager(source, () -> CasusPurpose.of("intake"));
		is(code(() -> new TransactionTemplate(single).execute(status -> null)), "casus.no_appointment", "one connection: a transaction that does not begin");
		is(new JdbcTemplate(source).queryForObject("SELECT current_user", String.class), "bs_spring_app", "leaves no failed one behind");
		source.destroy();
	}

	private static void nesting()
	{
		manager.execute(coordinator("intake"), outer ->
		{
			is(manager.execute(coordinator("overleg"), inner -> notes()), OVERLEG, "execute within execute: a transaction and purpose of its own");
			is(notes(), INTAKE, "after which the outer goes on");
			is(new TransactionTemplate(manager).execute(joined -> notes()), INTAKE, "a transaction that joins has the purpose of the one it joins");
			TransactionTemplate nested = new TransactionTemplate(manager, new DefaultTransactionDefinition(TransactionDefinition.PROPAGATION_NESTED));
			nested.execute(status ->
			{
				jdbc.queryForList("SELECT casus.enter('overleg')");
				is(notes(), OVERLEG, "PROPAGATION_NESTED, which enters for itself");
				status.setRollbackOnly();
				return null;
			});
			is(notes(), INTAKE, "and rolls back to the purpose of before");
			return null;
		});
	}

	private static void writing()
	{
		Map<String, Object> row = Map.of("nummer", "S-1", "soort", "ondermijning", "titel", "nieuw");
		manager.execute(coordinator("intake"), (TransactionStatus status) ->
		{
			/* SimpleJdbcInsert asks for the columns, and gives those it has no value for as NULL: also the label. */
			Number id = new SimpleJdbcInsert(jdbc).withSchemaName("beesel").withTableName("betrokkene").usingGeneratedKeyColumns("id")
				.executeAndReturnKey(Map.of("zaak_id", 3, "naam", "uit Spring"));
			is(jdbc.queryForObject("SELECT naam FROM beesel.betrokkene WHERE id = ?", String.class, id), "uit Spring",
				"SimpleJdbcInsert of a governed row, with all columns that the table has");
			Map<String, Object> keys = new SimpleJdbcInsert(jdbc).withSchemaName("beesel").withTableName("zaak").usingColumns("nummer", "soort", "titel")
				.usingGeneratedKeyColumns("id", "casus_label").executeAndReturnKeyHolder(row).getKeys();
			ok(keys.get("casus_label") instanceof UUID, "SimpleJdbcInsert returns the label as a UUID", keys);
			int[] counts = jdbc.batchUpdate("INSERT INTO beesel.zaak (nummer, soort, titel) VALUES (?, ?, ?)",
				List.of(new Object[] {"S-2", "parkeren", "x"}, new Object[] {"S-3", "ondermijning", "x"}));
			is(counts.length, 2, "batchUpdate");
			is(jdbc.queryForObject("INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ('S-1', 'ondermijning', 'nieuwer')"
				+ " ON CONFLICT (nummer) DO UPDATE SET titel = EXCLUDED.titel RETURNING titel", String.class), "nieuwer", "upsert");
			Object savepoint = status.createSavepoint();
			try
			{
				jdbc.update("INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ('S-1', 'ondermijning', 'dubbel')");
				ok(false, "a duplicate key", "");
			}
			catch (DataIntegrityViolationException error)
			{
				ok(true, "a duplicate key is what it always was to Spring", "");
			}
			status.rollbackToSavepoint(savepoint);
			is(jdbc.queryForMap("SELECT * FROM beesel.zaak WHERE nummer = 'S-1'").get("titel"), "nieuwer", "and the context goes on after the savepoint");
			return null;
		});
		is(manager.execute(coordinator("intake"), status -> jdbc.queryForObject("SELECT count(*) FROM beesel.zaak WHERE nummer LIKE 'S-%'", Integer.class)),
			3, "the transaction was committed");
		is(jdbc.queryForObject("SELECT count(*) FROM beesel.zaak WHERE nummer LIKE 'S-%'", Integer.class), 1, "of which others see what is outside the protocol");
		is(code(() -> jdbc.update("INSERT INTO beesel.zaak (nummer, soort, titel) VALUES ('S-4', 'ondermijning', 'x')")), "casus.no_purpose",
			"a governed row without a purpose");
		try
		{
			manager.execute(coordinator("intake"), status ->
			{
				jdbc.update("DELETE FROM beesel.zaak WHERE nummer = 'S-1'");
				throw new IllegalStateException("of the application");
			});
		}
		catch (IllegalStateException error)
		{
			is(error.getMessage(), "of the application", "an error of the application comes out");
		}
		is(manager.execute(coordinator("intake"), status -> jdbc.queryForList("SELECT titel FROM beesel.zaak WHERE nummer = 'S-1'", String.class)),
			List.of("nieuwer"), "and rolls back");
	}
}
