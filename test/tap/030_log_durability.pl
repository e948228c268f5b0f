# The access log and the loss of a process: what a client has received is on
# record, whoever is killed right after; and where no record can be written,
# no protected row leaves.  [B-50]
use strict;
use warnings;

use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $node = CasusTest::start('main', conf => "fsync = on\nrestart_after_crash = on\n");

$node->safe_psql('postgres', q{
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL, titel text NOT NULL);
	CREATE TABLE vrij (id integer);
	INSERT INTO zaak SELECT n, CASE WHEN n <= 3000 THEN 8 ELSE 1 END, repeat('x', 1000) FROM generate_series(1, 3100) n;
	INSERT INTO vrij VALUES (1);
	GRANT SELECT ON vrij TO PUBLIC;
});
CasusTest::fixture($node, $_) for 'coor', 'zaken';

my $read = q{BEGIN; SELECT casus.enter('intake'); SELECT casus.dossier_of(casus_label) FROM zaak WHERE id = %d};

sub records { return CasusTest::log_records($node) }
sub segment { return (CasusTest::log_segments($node))[-1] }

# The dossiers of which rows are on record as read.
sub on_record
{
	my %seen;
	for my $record (grep { $_->{kind} eq 'read' && ($_->{relation} // '') eq 'public.zaak' } records())
	{
		$seen{$_->[0]} += $_->[1] for @{ $record->{dossiers} };
	}
	return \%seen;
}

sub as_coordinator
{
	my ($sql) = @_;
	my ($out, $err);
	my $code = $node->psql('postgres', $sql, stdout => \$out, stderr => \$err,
		extra_params => [ '-U', 'coordinator' ], on_error_stop => 1);
	return ($code, $out, $err);
}

# A session that goes on: its input and output, and the pid of its backend.
sub session
{
	my ($user) = @_;
	my ($in, $out, $err) = ('', '', '');
	my $psql = IPC::Run::start(
		[ 'psql', '-XAtq', '-U', $user // 'coordinator', '-d', $node->connstr('postgres') ],
		'<', \$in, '>', \$out, '2>', \$err, CasusTest::patience());
	my $self = { in => \$in, out => \$out, err => \$err, psql => $psql };
	$self->{pid} = ask($self, 'SELECT pg_backend_pid();');
	return $self;
}

sub ask
{
	my ($self, $sql) = @_;
	${ $self->{out} } = '';
	${ $self->{in} } .= "$sql\n\\echo done\n";
	$self->{psql}->pump until ${ $self->{out} } =~ /^done$/m;
	return ${ $self->{out} } =~ s/^done\n//mr =~ s/\s+$//r;
}

sub last_line { return (split /\n/, $_[0])[-1] }

# ---- a process is killed right after the row has reached the client ----

my $client = session();
my $dossier = last_line(ask($client, sprintf($read, 5) . ';'));
like($dossier, qr/^\d+$/, 'the client has the row');
my $restarted = CasusTest::kill_process($node, $client->{pid}, sub { ok(on_record()->{$dossier}, 'the backend killed: the record is there') });
eval { $client->{psql}->finish };
$restarted->();

$client = session();
$dossier = last_line(ask($client, sprintf($read, 6) . ';'));
$node->kill9;
ok(on_record()->{$dossier}, 'the postmaster killed: the record is there');
eval { $client->{psql}->finish };
CasusTest::start_again($node);
ok(on_record()->{$dossier}, 'and after the restart');
as_coordinator(sprintf($read, 7));
is(CasusTest::log_damage($node), '', 'numbers go on where they were, and so does the chain');

# ---- a large result, of which a part has been received ----

my ($pipe, $pid);
{
	local $ENV{PGOPTIONS} = '-c application_name=stream';
	$pid = open($pipe, '-|', 'psql', '-XAtq', '-U', 'coordinator', '-d', $node->connstr('postgres'),
		'-c', q{BEGIN}, '-c', q{SELECT casus.enter('intake')},
		'-c', q{COPY (SELECT casus.dossier_of(casus_label), titel FROM zaak WHERE soort = 8) TO STDOUT}) or die $!;
}
my @received;
while (my $line = <$pipe>)
{
	push @received, $1 if $line =~ /^(\d+)\t/;
	last if @received == 100;
}
my $backend = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'});
my $known = on_record();
is(scalar(grep { !$known->{$_} } @received), 0, 'every row received so far is on record');
cmp_ok(scalar(keys %$known), '<', 3000, 'and the scan has not come to its end');
$restarted = CasusTest::kill_process($node, $backend);
while (my $line = <$pipe>)
{
	push @received, $1 if $line =~ /^(\d+)\t/;
}
close $pipe;
$known = on_record();
is(scalar(grep { !$known->{$_} } @received), 0, 'the backend killed: all ' . @received . ' rows received are on record');
cmp_ok(scalar(@received), '<', 3000, 'of a result that was cut off');
$restarted->();

# ---- the log cannot be written ----

my $directory = CasusTest::log_directory($node);
CasusTest::fill_disk($node);
my ($code, $out, $err) = as_coordinator(sprintf($read, 8));
isnt($code, 0, 'a full disk ends the session');
unlike($out, qr/\d/, 'no row has left');
like($err, qr/the access log cannot be written, so the connection is closed\nHINT: .*casus\.doctor/, 'and the client is told why');

$client = session();
my $answer = ask($client, sprintf($read, 8) . '; ROLLBACK;');
unlike($answer, qr/\d/, 'the next one is refused, no row has left');
like(${ $client->{err} }, qr/ERROR:  the access log cannot be written/, 'with an error, the session stays');
my ($constraint) = CasusTest::refusal($node, sprintf($read, 8), user => 'coordinator');
is($constraint, 'casus.log_unavailable', 'and its code');
is(ask($client, 'SELECT id FROM vrij;'), '1', 'what is not protected goes on');
is(ask($client, 'SELECT count(*) FROM zaak WHERE id > 3000;'), '100', 'so do the rows outside the protocol');
CasusTest::free_disk($node);
# Who asks the writer waits two seconds for a sign of life.
ok(CasusTest::wait_until(sub { ($dossier = last_line(ask($client, sprintf($read, 8) . '; COMMIT;')) // '') =~ /^\d+$/ }),
	'the disk has room again: the same session reads');
ok(on_record()->{$dossier}, 'and is on record');
ok((grep { ($_->{code} // '') eq 'log_resumed' } records()), 'with a line that ends the gap');
is(CasusTest::log_damage($node), '', 'and no number missing');
${ $client->{in} } .= "\\q\n";
$client->{psql}->finish;

# The first message is larger than what is held back.
CasusTest::fill_disk($node);
($code, $out, $err) = as_coordinator(q{BEGIN; SELECT casus.enter('intake'); SELECT repeat(titel, 300) FROM zaak WHERE id = 8});
unlike($out, qr/x/, 'a full disk and a row of 300 kB: it has not left');
like($err, qr/the access log cannot be written, so the connection is closed/, '... and the client is told why');
unlike(slurp_file($node->logfile), qr/terminated by signal 11/, '... by a process that lives');
CasusTest::free_disk($node);
ok(reads_again(8), '... and reading resumes');

chmod 0, $directory or die $!;
($code, $out, $err) = as_coordinator(sprintf($read, 9));
unlike($out, qr/\d/, 'a directory that cannot be entered: no row');
like($err, qr/the access log cannot be written/, 'but an error');
($code, $out) = as_coordinator('SELECT id FROM vrij');
is($out, '1', 'what is not protected goes on');
chmod 0700, $directory or die $!;
sub reads_again
{
	my ($row) = @_;
	return CasusTest::wait_until(sub { ($code, $out) = as_coordinator(sprintf($read, $row)); return (last_line($out) // '') =~ /^\d+$/ });
}
ok(reads_again(9), 'and reading resumes');

# A file that takes half a record leaves no half record.
$client = session();
my $last = (records())[-1];
my $size = $last->{offset} + $last->{size};
system('prlimit', '--pid', CasusTest::log_writer($node), '--fsize=' . ($size + 50) . ':unlimited');
${ $client->{out} } = '';
${ $client->{in} } .= sprintf($read, 10) . ";\n";
eval { $client->{psql}->finish };
unlike(${ $client->{out} }, qr/^\d+$/m, 'a file that cannot grow: no row has left');
like(${ $client->{err} }, qr/access log cannot be written/, 'and the client is told why');
like(substr(slurp_file(segment()), $size), qr/^\0*\z/, 'the half record is taken back');
CasusTest::free_disk($node);
ok(reads_again(10), 'another session reads');

# ---- a record cut off by a crash of the machine (C039) ----

$node->stop;
is((records())[-1]->{code}, 'log_stopped', 'a server that is stopped says so');
my $cut = segment();
truncate $cut, (-s $cut) - 7;
my $before = (records())[-1]->{seq};
$node->start;
($code, $out) = as_coordinator(sprintf($read, 11));
like(last_line($out), qr/^\d+$/, 'C039: after a torn record reading goes on');
my @after = grep { $_->{seq} > $before } records();
is($after[0]{code}, 'log_torn', '... and the log says first that there was one');
is($after[1]{code}, 'log_started', '... then that it goes on');
ok((grep { -s $_ } glob("$cut.torn-*")) == 1, '... what was cut off is kept aside');
is(CasusTest::log_damage($node), '', '... no number is missing or given twice');
($code, $out, $err) = as_coordinator('SELECT count(*) > 0 FROM casus.access_log');
is($out, 't', '... and the view reads');
is($node->safe_psql('postgres', 'SELECT ok FROM casus.verify_log()'), 't', '... and the log verifies');

# ---- a transaction that fails in its COMMIT ----

$node->safe_psql('postgres', 'CREATE TABLE links (n integer); CREATE TABLE rechts (n integer)');
my ($one, $two) = map { session('postgres') } 1, 2;
ask($_, 'BEGIN ISOLATION LEVEL SERIALIZABLE;') for $one, $two;
ask($one, q{SELECT count(*) FROM links; SELECT casus.add_person('Niemand');});
ask($two, 'SELECT count(*) FROM rechts; INSERT INTO links VALUES (1); SELECT 1;');
ask($one, 'INSERT INTO rechts VALUES (1);');
is(${ $_->{err} }, '', 'two transactions read what the other writes') for $one, $two;
ask($two, 'COMMIT;');
my $told_already = grep { ($_->{text} // '') =~ /^add_person\b/ && $_->{kind} eq 'setup' } records();
ask($one, 'COMMIT;');
like(${ $one->{err} }, qr/^ERROR:  could not serialize access/, 'under SERIALIZABLE one of them fails in its COMMIT');
is($node->safe_psql('postgres', q{SELECT count(*) FROM casus.person WHERE name = 'Niemand'}), '0', '... and what it did is not there');
is((grep { ($_->{text} // '') =~ /^add_person\b/ && $_->{kind} eq 'setup' } records()) - $told_already, 1, '... but on record (a known limit)');
for ($one, $two) { ${ $_->{in} } .= "\\q\n"; $_->{psql}->finish }

# ---- how the file is kept ----

is(sprintf('%o', (stat $directory)[2] & 07777), '700', 'the directory is the server\'s alone');
is(sprintf('%o', (stat segment())[2] & 07777), '600', 'so is the file');
is(sprintf('%o', (stat $node->data_dir . '.casus_log_key')[2] & 07777), '600', 'and that of the keys');

# ---- sessions that wait by turns are brought together: one sync for both ----

SKIP:
{
	my $library = $node->basedir . '/slowdisk.so';
	skip 'no library can be built here', 2
		if !-e '/proc/self/fd' || system('gcc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', $library, "$ENV{CASUS_SRC}/test/log/slowdisk.c", '-ldl') != 0;
	$node->stop;
	{
		local @ENV{qw(LD_PRELOAD SLOWDISK)} = ($library, 60);
		$node->start;
	}
	my $script = $node->basedir . '/refused.sql';
	append_to_file($script, "DO \$\$ BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END \$\$;\n");
	$node->safe_psql('postgres', q{SELECT casus.log_anchor()});
	my $behind = (records())[-1]{seq};
	$node->command_ok([ 'pgbench', '-n', '-c', '2', '-j', '2', '-t', '30', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ], 'two sessions that come back as soon as they are answered');
	# An entry that says that all before it was on disk begins a batch.
	my $batches = grep { $_->{seq} > $behind && unpack('v', substr slurp_file($_->{segment}), $_->{offset} + 6, 2) == 1 } records();
	cmp_ok($batches, '<', 45, '... take less syncs than they ask for, of sixty');
	diag("counted: syncs of two sessions that ask for 60: $batches");
}

$node->append_conf('postgresql.conf', 'casus.log_durability = relaxed');
$node->restart;
($code, $out) = as_coordinator(sprintf($read, 12));
ok(CasusTest::wait_until(sub { on_record()->{ last_line($out) } }), 'relaxed: on record too, a moment later');

$node->stop;
done_testing();
