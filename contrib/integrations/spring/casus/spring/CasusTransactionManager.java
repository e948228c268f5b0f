package casus.spring;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.support.TransactionCallback;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * casus for Spring: every transaction of this manager, also one of @Transactional, begins with casus.enter() for the purpose of the
 * moment: that of execute() below, else what the application's supplier says (of the request, say); null is none.
 */
public class CasusTransactionManager extends DataSourceTransactionManager
{
	private static final long serialVersionUID = 1;

	private final transient ThreadLocal<CasusPurpose> given = new ThreadLocal<>();
	private final transient Supplier<CasusPurpose> supplier;

	public CasusTransactionManager(DataSource dataSource, Supplier<CasusPurpose> supplier)
	{
		super(dataSource);
		this.supplier = supplier;
	}

	@Override
	protected void prepareTransactionalConnection(Connection connection, TransactionDefinition definition) throws SQLException
	{
		super.prepareTransactionalConnection(connection, definition);
		CasusPurpose purpose = given.get() != null ? given.get() : supplier.get();
		try
		{
			if (purpose != null)
				purpose.enter(connection);
		}
		catch (SQLException error)
		{
			connection.rollback(); /* Spring only gives the connection back. */
			throw error;
		}
	}

	/** Runs the work in a transaction of its own for this purpose: one transaction, one purpose. */
	public <T> T execute(CasusPurpose purpose, TransactionCallback<T> work)
	{
		TransactionTemplate template = new TransactionTemplate(this);
		template.setPropagationBehavior(TransactionDefinition.PROPAGATION_REQUIRES_NEW);
		CasusPurpose outer = given.get();
		given.set(purpose);
		try
		{
			return template.execute(work);
		}
		finally
		{
			given.set(outer);
		}
	}
}
