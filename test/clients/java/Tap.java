import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** What the client tests in Java share: TAP, connections, refusals. */
class Tap
{
	static final String URL = "jdbc:postgresql://localhost/" + System.getenv("PGDATABASE");

	private static int tests;

	interface Step
	{
		void run() throws Exception;
	}

	static void ok(boolean passed, String name, Object note)
	{
		System.out.println((passed ? "ok " : "not ok ") + ++tests + " - " + name);
		if (!passed)
			System.out.println("# " + String.valueOf(note).replace("\n", "\n# "));
	}

	static void is(Object got, Object expected, String name)
	{
		ok(Objects.equals(got, expected), name, "got:      " + got + "\nexpected: " + expected);
	}

	static void doneTesting()
	{
		System.out.println("1.." + tests);
	}

	/** Properties of a connection, with options as NAME, VALUE, ... */
	static Properties properties(String user, String... options)
	{
		Properties properties = new Properties();
		properties.setProperty("user", user);
		properties.setProperty("socketFactory", UnixSockets.class.getName());
		properties.setProperty("socketFactoryArg", System.getenv("PGHOST") + "/.s.PGSQL." + System.getenv("PGPORT"));
		for (int i = 0; i < options.length; i += 2)
			properties.setProperty(options[i], options[i + 1]);
		return properties;
	}

	static Connection connect(String user, String... options) throws SQLException
	{
		return DriverManager.getConnection(URL, properties(user, options));
	}

	/** The server's own message in an exception of the driver, of Spring or of a pool; null when there is none. */
	static ServerErrorMessage message(Throwable error)
	{
		for (; error != null; error = error.getCause())
			if (error instanceof PSQLException && ((PSQLException) error).getServerErrorMessage() != null)
				return ((PSQLException) error).getServerErrorMessage();
		return null;
	}

	/** The code of the refusal that the step meets; "" when it meets none. */
	static String refusal(Step step)
	{
		try
		{
			step.run();
			return "";
		}
		catch (Exception error)
		{
			ServerErrorMessage message = message(error);
			if (message == null)
				return "(none) " + error;
			return message.getConstraint() != null ? message.getConstraint() : "(none) " + message.getSQLState() + " " + message;
		}
	}

	static void execute(Connection connection, String sql) throws SQLException
	{
		try (Statement statement = connection.createStatement())
		{
			statement.execute(sql);
		}
	}

	static List<String> column(ResultSet rows, String name) throws SQLException
	{
		List<String> values = new ArrayList<>();
		while (rows.next())
			values.add(rows.getString(name));
		return values;
	}

	/** The first column of what a query gives. */
	static List<String> values(Connection connection, String sql) throws SQLException
	{
		List<String> values = new ArrayList<>();
		try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql))
		{
			while (rows.next())
				values.add(rows.getString(1));
		}
		return values;
	}
}
