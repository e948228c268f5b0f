# A record is made of what is looked up meanwhile, and a look-up may send a message: what is on record is whole all the same.
# The name of a file is such a look-up, made for the first record in a capacity; it waits for whoever locks the table of
# files, and says so to a client that wants to know.  [B-50]
use strict;
use warnings;

use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use CasusTest;

my $node = CasusTest::start('main', conf => "log_lock_waits = on\ndeadlock_timeout = '50ms'\n");

CasusTest::fixture($node, 'beesel');
$node->safe_psql('postgres', q{
	CREATE TABLE beesel.bijlage (id integer PRIMARY KEY, dossier bigint NOT NULL, categorie text NOT NULL);
	GRANT SELECT, INSERT ON beesel.bijlage TO PUBLIC;
	SELECT casus.protect('beesel.bijlage', 'ondermijning', dossier => 'dossier', category_column => 'categorie');
	SELECT casus.bind('beesel.bijlage', 'enforce');
});
sub dossier { return $node->safe_psql('postgres', "SELECT dossier FROM beesel.fixture WHERE name = '$_[0]'") }

my ($intake, $overleg) = (dossier('intake'), dossier('overleg'));

sub session
{
	my ($user) = @_;
	my $self = { in => '', out => '', err => '' };

	$self->{psql} = IPC::Run::start([ 'psql', '-XAtq', '-U', $user, '-d', $node->connstr('postgres') ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, CasusTest::patience());
	return $self;
}

sub begin
{
	my ($self, $sql) = @_;
	$self->{out} = '';
	$self->{in} .= "$sql\n\\echo done\n";
	$self->{psql}->pump_nb;
	return;
}

sub answer
{
	my ($self) = @_;
	$self->{psql}->pump until $self->{out} =~ /^done$/m;
	return $self->{out} =~ s/^done\n//mr =~ s/\s+$//r;
}

sub ask { my ($self, $sql) = @_; begin($self, $sql); return answer($self) }

sub someone { my ($column, $value) = @_; return CasusTest::wait_until(sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE usename = 'bs_coordinator' AND $column = '$value'") }) }

sub payloads { return map { $_->{payload} } CasusTest::log_records($node, raw => 1) }
sub broken { return grep { /"/ && !defined eval { decode_json($_) } } payloads() }
sub of_kind { my ($kind) = @_; return grep { $_->{kind} eq $kind && ($_->{role} // '') eq 'bs_coordinator' } map { eval { decode_json($_) } // () } payloads() }

my $keeper = session('postgres');

# What is kept of protocol and people is read in a transaction of its own, and the records of one capacity are made: the
# next transaction has no lock on the tables that names stand in.
sub warm
{
	my $self = session('bs_coordinator');
	ask($self, "BEGIN; SELECT casus.enter('intake', $intake); SELECT count(*) FROM beesel.notitie WHERE id < 0;
		INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES ($intake, 'beoordeling', 'warm');
		INSERT INTO beesel.bijlage VALUES (0, $intake, 'beoordeling'); ROLLBACK; SET client_min_messages = log;");
	return $self;
}

# While the look-up waits the client is told, and what is pending goes on record before that.
sub look_up
{
	my ($self) = @_;
	my $offset = -s $node->logfile;

	ask($keeper, 'SELECT pg_advisory_unlock_all() \g /dev/null');
	ok(someone('wait_event_type', 'Lock'), 'the look-up waits');
	$node->wait_for_log(qr/still waiting for AccessShareLock/, $offset);
	ask($keeper, 'ROLLBACK;');
	answer($self);
	ask($self, 'COMMIT;');
	like($self->{err}, qr/LOG:  process \d+ still waiting/, 'and the client is told so');
	unlike($self->{err}, qr/ERROR/, 'it goes on');
	is_deeply([ broken() ], [], 'all records are whole');
	return;
}

# ---- of the record that nothing was found ----

my $reader = warm();
my $empty = of_kind('empty');
ask($reader, "BEGIN; SELECT casus.enter('overleg', $overleg);");
ask($keeper, 'BEGIN; LOCK casus_cat.file;');
begin($reader, 'SELECT count(*) FROM beesel.notitie WHERE id < 0;');
look_up($reader);
is(of_kind('empty') - $empty, 1, 'that nothing was found is on record');

# ---- of the record of rows written, while rows of another table are not on record yet ----

my $writer = warm();
my $write = of_kind('write');
ask($keeper, 'SELECT pg_advisory_lock(1) \g /dev/null');
ask($writer, "BEGIN; SELECT casus.enter('intake', $intake);");
begin($writer, "DO \$\$BEGIN
		INSERT INTO beesel.notitie (dossier, categorie, inhoud) VALUES ($intake, 'beoordeling', 'een');
		PERFORM casus.enter('overleg', $overleg);
		WHILE NOT pg_try_advisory_xact_lock(1) LOOP PERFORM pg_sleep(0.02); END LOOP;
		INSERT INTO beesel.bijlage VALUES (1, $overleg, 'beoordeling'), (2, $overleg, 'beoordeling');
	END\$\$;");
ok(someone('wait_event', 'PgSleep'), 'between two tables');
ask($keeper, 'BEGIN; LOCK casus_cat.file;');
look_up($writer);
is_deeply([ map { [ @{$_}{qw(relation verb purpose phase)}, map { @$_ } @{ $_->{dossiers} } ] } (of_kind('write'))[ $write .. $write + 1 ] ],
	[ [ 'beesel.notitie', 'supply', 'intake', 'intake', $intake, 1 ], [ 'beesel.bijlage', 'supply', 'overleg', 'overleg', $overleg, 2 ] ],
	'the rows of both are on record');

$_->{psql}->finish for $keeper, $reader, $writer;
$node->stop;
done_testing();
