package casus.spring;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/**
 * What for and in which capacity a transaction reads and writes: the arguments of casus.enter(). What is null is filled in by casus
 * when only one fits. The role is that of the civil servant, where the application's login has been granted it.
 */
public record CasusPurpose(String purpose, Long dossier, String office, String party, String file, String role)
{
	private static final String ENTER = "SELECT casus.enter(purpose => ?, dossier => ?, office => ?, party => ?, file => ?)";

	public static CasusPurpose of(String purpose)
	{
		return new CasusPurpose(purpose, null, null, null, null, null);
	}

	public CasusPurpose dossier(long id)
	{
		return new CasusPurpose(purpose, id, office, party, file, role);
	}

	public CasusPurpose as(String civilServant)
	{
		return new CasusPurpose(purpose, dossier, office, party, file, civilServant);
	}

	/** Binds the transaction that is open on the connection (so without autocommit); it ends with it. */
	public void enter(Connection connection) throws SQLException
	{
		if (role != null)
			execute(connection, "SELECT set_config('role', ?, true)", role);
		execute(connection, ENTER, purpose, dossier, office, party, file);
	}

	private static void execute(Connection connection, String sql, Object... arguments) throws SQLException
	{
		try (PreparedStatement statement = connection.prepareStatement(sql))
		{
			for (int i = 0; i < arguments.length; i++)
				statement.setObject(i + 1, arguments[i]);
			statement.execute();
		}
	}

	/** The code of casus' refusal ("casus.no_purpose", ...) in an exception of JDBC or of Spring; null for any other. */
	public static String refusal(Throwable error)
	{
		for (; error != null; error = error.getCause())
		{
			ServerErrorMessage message = error instanceof PSQLException ? ((PSQLException) error).getServerErrorMessage() : null;
			if (message != null && message.getConstraint() != null && message.getConstraint().startsWith("casus."))
				return message.getConstraint();
		}
		return null;
	}
}
