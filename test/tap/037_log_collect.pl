# The log of a hot standby on its primary: its reads are seen there, each once, whatever is restarted, cut or promoted;
# what does not verify is refused and named, and nothing of it is loaded.  [B-47] [B-50] F013
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use File::Copy qw(copy);
use File::Path qw(rmtree);
use IO::Socket::INET;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use CasusTest;

my $conf = "casus.log_load_interval = 1\ncasus.log_segment_size = 64kB\nmax_worker_processes = 16\n";
my $primary = CasusTest::start('primary', conf => $conf, init => { allows_streaming => 1 });
CasusTest::fixture($primary, 'coor');
$primary->safe_psql('postgres', q{
	CREATE ROLE auditor LOGIN IN ROLE casus_auditor;
	CREATE ROLE ophaler LOGIN IN ROLE casus_collector;
	CREATE ROLE ander LOGIN;
	CREATE FUNCTION geleend() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT last_seq FROM casus.log_piece(1, 0)';
	CREATE TABLE zaak (id integer PRIMARY KEY, titel text NOT NULL);
	INSERT INTO zaak SELECT n, 'zaak ' || n FROM generate_series(1, 40) n;
	GRANT SELECT ON zaak TO coordinator, ander;
	SELECT casus.add_person('Ander', 'ander', oath_on => '2020-01-01');
	SELECT casus.appoint('Ander', 'beesel', NULL, 'coordinator', reason => 'test');
	SELECT casus.protect('zaak', 'beesel', opens_dossier => true, category => 'registratie')});
$primary->safe_psql('postgres', q{CALL casus.take_in('zaak', phase => '''intake''', opened => '''2026-01-01''')});
$primary->safe_psql('postgres', q{SELECT casus.bind('zaak', 'enforce')});

sub sql { my ($node, $sql, $user) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $user // 'postgres' ]) }
sub audit { my ($node, $sql) = @_; return sql($node, $sql, 'auditor') }
sub key_file { return $_[0]->data_dir . '.casus_log_key' }

my $page = $primary->basedir . '/page.html';
sub report { return system("'" . CasusTest::casusctl() . "' report -m \$(TZ=Europe/Amsterdam date +%Y-%m) -d '" . $primary->connstr('postgres') . " user=auditor' >$page") }

sub wait_until { return CasusTest::wait_until(@_) }

# A standby of its own place, and with the name by which the primary knows it.
sub make_standby
{
	my ($name, $backup) = @_;
	my $standby = PostgreSQL::Test::Cluster->new($name);
	$standby->init_from_backup($primary, $backup, has_streaming => 1);
	$standby->append_conf('postgresql.conf', "cluster_name = '$name'\ncasus.log_collect = ''\n");
	$standby->start;
	return $standby;
}

# The key of a node, where the other one looks for it.
sub hand_over_key
{
	my ($from, $to, $name) = @_;
	my $directory = key_file($to) . '.d';
	# A node that has just begun may not have made it yet.
	wait_until(sub { -e key_file($from) }) or die 'the node has no key file';
	mkdir $directory, 0700;
	copy(key_file($from), "$directory/$name") or die $!;
	chmod 0600, "$directory/$name";
	return;
}

sub collect_from
{
	my ($node, @others) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET casus.log_collect = '" . join('; ', map { 'host=' . $_->host . ' port=' . $_->port . ' user=ophaler dbname=postgres' } @others) . q{'});
	$node->reload;
	return;
}

# One reads the rows of some dossiers there.
sub read_rows { my ($node, $from, $to, $user) = @_; return sql($node, "BEGIN; SELECT casus.enter('intake') \\g /dev/null\nSELECT count(*) FROM zaak WHERE id BETWEEN $from AND $to", $user // 'coordinator') }

sub uuid { return lc((CasusTest::log_keys($_[0]))[0]) =~ s/^(.{8})(.{4})(.{4})(.{4})(.{12})$/$1-$2-$3-$4-$5/r }
sub state_of { my ($node, $other) = @_; return audit($node, "SELECT state FROM casus.log_chain WHERE node = '" . uuid($other) . q{'}) }
sub finding_of { my ($node, $source) = @_; return audit($node, q{SELECT coalesce(max(finding), '') FROM casus.log_chain WHERE source LIKE '%:} . $source->port . q{'}) }

# All that another node has on disk about this database, by its files, and what one shows of it.
sub numbers_there
{
	my ($other, $to) = @_;
	return join ' ', map { $_->{seq} } grep { ($_->{database} // 'postgres') eq 'postgres' && $_->{seq} <= $to } CasusTest::log_records($other);
}
sub numbers_here
{
	my ($node, $other, $to) = @_;
	return audit($node, "SELECT coalesce(string_agg(seq::text, ' ' ORDER BY seq), '') FROM casus.access_log WHERE node = '" . uuid($other) . "' AND seq <= $to");
}
sub same
{
	my ($node, $other, $what) = @_;
	my $to = audit($other, 'SELECT seq FROM casus.log_anchor()');
	my $there = numbers_there($other, $to);
	my $here = '';
	wait_until(sub { ($here = numbers_here($node, $other, $to)) eq $there });
	is($here, $there, "$what: each record of the other node once");
	return;
}
sub doctor { my ($node, $code) = @_; return sql($node, "SELECT coalesce(string_agg(severity || ': ' || finding, E'\\n'), '') FROM casus.doctor() WHERE code = '$code'") }

# ---- a standby whose log nobody collects ----

$primary->backup('first');
my $standby = make_standby('een', 'first');
$primary->wait_for_catchup('een');
like(doctor($primary, 'log_uncollected'), qr/^warning: Standby een streams from this server and its access log is not collected/, 'doctor names a standby whose log is not collected');

my ($code, $message) = CasusTest::refusal($primary, q{ALTER SYSTEM SET casus.log_collect = 'host=a password=b'});
like($message, qr/invalid value for parameter "casus.log_collect"/, 'a password does not stand in the setting');
(undef, $message) = CasusTest::refusal($primary, q{ALTER SYSTEM SET casus.log_collect = 'host=a sslkey=/k sslpassword=b'});
like($message, qr/invalid value for parameter "casus.log_collect"/, '... nor that of a key file');
is((CasusTest::refusal($primary, "ALTER SYSTEM SET casus.log_collect = '" . join('; ', ('host=a') x 33) . q{'}))[1], 'invalid value for parameter "casus.log_collect": "' . join('; ', ('host=a') x 33) . '"', 'more servers than can be collected do not stand in it either');
for my $user ('auditor', 'coordinator')
{
	(undef, $message) = CasusTest::refusal($standby, 'SELECT * FROM casus.log_piece(1, 0)', user => $user);
	like($message, qr/permission denied for function log_piece/, "bytes of the log are not for $user");
	(undef, $message) = CasusTest::refusal($standby, 'SELECT * FROM geleend()', user => $user);
	like($message, qr/for members of casus_collector only/, "... nor by a function that a superuser lends to $user");
}

collect_from($primary, $standby);
ok(wait_until(sub { finding_of($primary, $standby) =~ /its key file is not among those of other nodes/ }), 'without its key nothing is collected');
like(doctor($primary, 'log_collect_late'), qr/^warning: The access log of .*: its key file is not among .* \(it says that it is node ${\ (CasusTest::log_keys($standby))[0]}\)\.$/, '... and doctor says so');
my $its_node = q{SELECT coalesce(node::text, 'none') FROM casus.log_chain WHERE source LIKE '%:} . $standby->port . q{'};
is(audit($primary, $its_node), 'none', '... and nobody is taken for a node whose key is not here');
ok(!-e $primary->data_dir . '/casus_log/' . (CasusTest::log_keys($standby))[0], '... and nothing is kept');
hand_over_key($standby, $primary, 'een');
chmod 0644, key_file($primary) . '.d/een';
ok(wait_until(sub { finding_of($primary, $standby) =~ /with mode 0600/ }), '... nor with one that others may read');
chmod 0600, key_file($primary) . '.d/een';
ok(wait_until(sub { state_of($primary, $standby) eq 'collected' }), 'with it the log is collected');
is(audit($primary, $its_node), uuid($standby), '... as that of its node');
is(doctor($primary, 'log_uncollected') . doctor($primary, 'log_collect_late'), '', '... and doctor is content');

# ---- reads on the standby, seen on the primary ----

CasusTest::within_a_day();
is(read_rows($standby, 3, 7), '5', 'somebody reads on the standby');
read_rows($primary, 3, 4);
read_rows($primary, 4, 4, 'ander');
same($primary, $standby, 'reads');
my $dossier = audit($primary, q{SELECT min(d) FROM casus.access_log, unnest(dossiers) d WHERE relation = 'public.zaak' AND kind = 'read'});
is(audit($primary, "SELECT count(*), count(DISTINCT node), sum(row_count) FROM casus.who_saw($dossier) WHERE person = 'Coor'"), '2|2|2', '[B-47] who_saw has the read of each node once');
is(audit($primary, "SELECT count(*) FROM casus.seen_by('Coor') WHERE node = '" . uuid($standby) . q{'}), '5', '... seen_by too');
is(audit($primary, q{SELECT count(*), sum(row_count), max(records) FROM casus.affected('Coor')}), '5|7|2', '... affected too');
is(audit($primary, q{SELECT count(*) FROM casus.ldv WHERE resource -> 'attributes' ->> 'service.instance.id' = '} . uuid($standby) . q{' AND attributes ->> 'dpl.core.data_subject_id' IS NOT NULL}), '5', '... casus.ldv too');
# On the primary alone she would have seen two, of which nothing is said.
is(audit($primary, q{SELECT person, office, dossiers, colleagues_median FROM casus.log_outliers()}), 'Coor|coordinator|5|1', '[B-50] ... log_outliers too');
is(audit($primary, "SELECT ok, records > 3 FROM casus.verify_log(node => '" . uuid($standby) . q{')}), 't|t', 'verify_log checks the copy');
$primary->command_ok([ CasusTest::casusctl(), 'verify', '-l', $primary->data_dir . '/casus_log', '-k', key_file($standby) ], '... and so does casusctl, with the key of that node');
is(audit($standby, "SELECT count(*) FROM casus.who_saw($dossier) WHERE node = '" . uuid($standby) . q{'}), '1', '... and on the standby it is shown once, too');
(undef, my $purge) = CasusTest::refusal($standby, 'SELECT * FROM casus.purge_log()', user => 'auditor');
is($purge, 'the access log of this node is kept for ever', 'nothing goes of the log on a standby without casus.log_retention');
is((CasusTest::refusal($standby, q{SELECT casus.skip_log('test')}))[1], 'this server is a hot standby, on which nothing is changed', '... nor is anything left out there, where nothing is loaded');
my $seen = audit($standby, 'SELECT seq FROM casus.log_anchor()');
sleep 3;
is(audit($standby, "SELECT count(*) FROM casus.access_log WHERE code = 'log_piece' AND role = 'ophaler'"), '1', 'that the log is collected is on record once, not at each look');
is(audit($primary, q{SELECT ok FROM casus.verify_log()}), 't', 'the log of the primary is whole');

collect_from($primary, $standby, $standby);
ok(wait_until(sub { audit($primary, q{SELECT string_agg(state, ' ' ORDER BY state) FROM casus.log_chain WHERE source IS NOT NULL}) eq 'collected refused' }), 'of two servers that are one node one is collected');
like(doctor($primary, 'log_collect_refused'), qr/^critical: .*: it is the node that .* is, too: one server is named twice, or two servers have one key file\.$/, '... and doctor names the other');
like(sql($primary, q{SELECT mend FROM casus.doctor() WHERE code = 'log_collect_refused'}), qr/^Name each server once/, '... with what to do');

# The first of the two does not answer for a while: the second comes in its place, and stays there.
sql($primary, 'CREATE ROLE ophaler2 LOGIN IN ROLE casus_collector');
$primary->safe_psql('postgres', q{ALTER SYSTEM SET casus.log_collect = '} . join('; ', map { 'host=' . $standby->host . ' port=' . $standby->port . " user=$_ dbname=postgres" } 'ophaler', 'ophaler2') . q{'});
$primary->reload;
my $states = sub { return audit($primary, q{SELECT string_agg(state || coalesce(' ' || substring(finding FROM 'ophaler|is the node that'), ''), ', ' ORDER BY state) FROM casus.log_chain WHERE source IS NOT NULL}) };
ok(wait_until(sub { $states->() eq 'collected, refused is the node that' }), 'two logins to one node: one is collected');
sql($primary, 'ALTER ROLE ophaler NOLOGIN');
$primary->wait_for_catchup('een');
sql($standby, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ophaler'});
ok(wait_until(sub { $states->() eq 'collected, failing ophaler' }), '... the other one when that fails');
sql($primary, 'ALTER ROLE ophaler LOGIN');
ok(wait_until(sub { $states->() eq 'collected, refused is the node that' }), '... and the first is told so when it is back');
collect_from($primary, $standby);
ok(wait_until(sub { $states->() eq 'collected' }), '... one alone is collected');

# ---- many segments, another key, restarts ----

sub refuse_many { my ($node, $n) = @_; return $node->psql('postgres', 'DO $$ BEGIN FOR i IN 1 .. ' . $n . q{ LOOP BEGIN PERFORM casus.open_file('geen', 'geen'); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$}) }
refuse_many($standby, 700);
cmp_ok(scalar(CasusTest::log_segments($standby)), '>', 1, 'the log of the standby has segments');
same($primary, $standby, 'segments');
is($standby->safe_psql('postgres', 'SELECT casus.rotate_log_key()'), '2', 'the standby gets another key');
read_rows($standby, 8, 9);
ok(wait_until(sub { finding_of($primary, $standby) =~ /the key of the segment is not in the key file/ }), 'a segment with a key that is not here is not taken, and named');
hand_over_key($standby, $primary, 'een');
same($primary, $standby, 'with the new key');

$standby->restart;
read_rows($standby, 10, 11);
same($primary, $standby, 'the standby restarted');
$primary->restart;
read_rows($standby, 12, 13);
same($primary, $standby, 'the primary restarted');
$primary->stop('immediate');
$primary->start;
read_rows($standby, 14, 15);
same($primary, $standby, 'the primary crashed');
$standby->stop('immediate');
ok(wait_until(sub { state_of($primary, $standby) eq 'failing' }), 'a standby that is down is told');
like(doctor($primary, 'log_collect_late'), qr/^warning: .* it (?:cannot be reached|gives nothing)/, '... by doctor');
$standby->start;
same($primary, $standby, 'the standby crashed');

# ---- the collector and the loader killed, a copy cut short ----

for my $round (1 .. ($ENV{TEST_LONG} ? 20 : 3))
{
	refuse_many($standby, 100);
	$primary->stop('immediate');
	my @copies = sort glob $primary->data_dir . '/casus_log/' . (CasusTest::log_keys($standby))[0] . '/*.log';
	# What was being written when the power went.
	truncate $copies[-1], (-s $copies[-1]) - ($round == 1 ? 10 : int rand 100) if -s $copies[-1] > 300;
	$primary->start;
	same($primary, $standby, "cut short, round $round");
}

# ---- power is lost: pages of what was not synced yet reach the disk in any order ----

sub copied_files { my @files = sort glob $primary->data_dir . '/casus_log/' . (CasusTest::log_keys($standby))[0] . '/*.log'; return @files }
# What the last file of the copy has, by the file that it is a copy of.
sub copied_records
{
	my ($name) = map { s{.*/}{}r } (copied_files())[-1];
	return grep { $_->{segment} =~ m{/$name$} && $_->{offset} + $_->{size} <= -s((copied_files())[-1]) } CasusTest::log_records($standby, bare => 1);
}
sub overwrite
{
	my ($name, $at, $data) = @_;
	open my $file, '+<:raw', $name or die $!;
	seek $file, $at, 0;
	print $file $data;
	return close $file;
}
# Until there is a file with more than two steps of a writer of copies.
wait_until(sub { refuse_many($standby, 20); same_bytes() && -s((copied_files())[-1]) > 40_000 }) or die 'the copy does not grow';
# All that the standby has on disk now is in the copy.
sub same_bytes { my ($last) = reverse CasusTest::log_records($standby, bare => 1); return wait_until(sub { audit($primary, "SELECT coalesce(max(last_seq), 0) FROM casus.log_chain WHERE node = '" . uuid($standby) . q{'}) >= $last->{seq} }) }

for my $case ([ 'within an entry', sub { my ($file, @r) = @_; overwrite($file, $r[-4]{offset} + 40, "\0" x 100) } ],
	[ 'at its end', sub { my ($file, @r) = @_; overwrite($file, $r[-3]{offset} + 40, "\0" x ((-s $file) - $r[-3]{offset} - 40)) } ],
	[ 'from an entry on', sub { my ($file, @r) = @_; overwrite($file, $r[-3]{offset}, "\0" x ((-s $file) - $r[-3]{offset})) } ],
	[ 'in the head of a segment', sub { my ($file) = @_; append_to_file($file =~ s/(\d+)\.log$/sprintf '%012d.log', $1 + 1/er, "\0" x 128) } ])
{
	my ($what, $change) = @$case;
	wait_until(sub { refuse_many($standby, 20); same_bytes() && copied_records() >= 8 }) or die 'the copy has no entries';
	$primary->stop('immediate');
	$change->((copied_files())[-1], copied_records());
	$primary->start;
	same($primary, $standby, "power lost, zeros $what: it comes again");
	is(audit($primary, "SELECT ok, finding FROM casus.verify_log(node => '" . uuid($standby) . q{')}), 't|', '... and verifies');
	is(state_of($primary, $standby), 'collected', '... and nobody is blamed');
}

# What was on disk before cannot have been lost so.
wait_until(sub { refuse_many($standby, 20); same_bytes() && -s((copied_files())[-1]) > 40_000 }) or die 'the copy does not grow';
$primary->stop('immediate');
{
	my ($file) = (copied_files())[-1];
	CasusTest::change_byte($file, 128 + 24 + 5);
	$primary->start;
	ok(wait_until(sub { finding_of($primary, $standby) =~ /^the copy on this server is changed in \d{12}\.log, position 128, .*: the entry is changed/ }), 'a change of what was on disk is refused');
	CasusTest::change_byte($file, 128 + 24 + 5);
	same($primary, $standby, '... put back, it goes on');
}

# A part of which the end is not there: it may have been cut off.
my $far_on = CasusTest::log_records($standby, bare => 1) + 1000;
like(audit($primary, "SELECT ok, finding FROM casus.verify_log($_, node => '" . uuid($standby) . q{')}), qr/^f\|the log is cut off here$/, "a copy that ends before what is asked for is not whole: $_")
  for "to_seq => $far_on", "from_seq => $far_on", "2, $far_on";

# A disk of the primary that loses what it was given, says so once, and shows it until the next sync.
SKIP:
{
	my $library = $primary->basedir . '/lostsync.so';
	skip 'no library can be built here', 4
		if !-e '/proc/self/fd' || system('gcc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', $library, "$ENV{CASUS_SRC}/test/log/lostsync.c", '-ldl') != 0;
	my $order = $primary->basedir . '/lose';
	$primary->append_conf('postgresql.conf', "fsync = on\n");
	$primary->stop;
	{
		local @ENV{qw(LD_PRELOAD LOSTSYNC LOSTSYNC_IN LOSTSYNC_LATE)} = ($library, $order, (CasusTest::log_keys($standby))[0], 1);
		$primary->start;
	}
	same($primary, $standby, 'before a sync fails');
	append_to_file($order, '');
	ok(wait_until(sub { refuse_many($standby, 5); !-e $order }), 'a sync of the copy fails');
	refuse_many($standby, 5);
	same($primary, $standby, '... and what it was for comes again');
	is(audit($primary, "SELECT ok, finding FROM casus.verify_log(node => '" . uuid($standby) . q{')}), 't|', '... and is on disk');
	$primary->append_conf('postgresql.conf', "fsync = off\n");
	$primary->restart;
}

# ---- servers that are none: what has no end, or no form, and a log with the right key that leaves numbers out ----

sub message { my ($type, $body) = @_; return pack 'a N a*', $type, length($body) + 4, $body }

# Of one row: these bytes of the segment (undef: it is missing), and which one is next.
sub piece
{
	my ($segment, $next, $complete, $bytes) = @_;
	my @types = (2950, 20, 20, 20, 16, 20, 25, 17);
	my @values = ('other node 16 by', pack('q>', $segment), pack('q>', 2**62), pack('q>', $next), chr $complete, pack('q>', 9), 'sb');
	return message('1', '') . message('2', '')
	  . message('T', pack('n', 8) . join '', map { pack 'Z* N n N n N n', "c$_", 0, 0, $_, 65535, 4294967295, 1 } @types)
	  . message('D', pack('n', 8) . join('', map { pack 'N/a', $_ } @values) . (defined $bytes ? pack 'N/a', $bytes : pack 'N', 4294967295))
	  . message('C', "SELECT 1\0") . message('Z', 'I');
}
sub missing_segment { my ($segment) = @_; return piece($segment, $segment + 1, 0, undef) }
sub no_segment { my ($segment) = @_; return piece($segment, 0, 0, '') }
sub too_much { my ($segment) = @_; return message('N', join "\0", 'SWARNING', 'C01000', 'Msay this in your log', '', '') . piece($segment, 1, 0, 'x' x (1024 * 1024 + 1)) }
sub endless_row { return message('1', '') . message('2', '') . pack('a N a*', 'D', 1_900_000_000, 'x' x 100_000) }
sub copy_out { return message('1', '') . message('2', '') . message('H', pack 'C n', 0, 0) }

# A log with its key: segments 2 and a number far away, without entries, and a checkpoint for the first one that is not on record.
my $secret = 'k' x 32;
sub entry
{
	my ($seq, $time, $payload, $mac) = @_;
	my $head = pack('VvvQ<q<', length $payload, 1, 1, $seq, $time * 1_000_000) . $payload;
	return $head . hmac_sha256($mac . $head, $secret);
}
sub segment
{
	my ($name, $number, $seq, $time, $mac, $entries) = @_;
	my $header = pack('a8VVa16Q<VVQ<q<a32', 'CASUSLOG', 1, 128, pack('H*', $name), $number, 1, 0, $seq, $time * 1_000_000, $mac);
	my $bytes = $header . hmac_sha256($header, $secret);
	$bytes .= entry($seq + $_, $time, '{"ts":"2015-01-01T00:00:00Z","kind":"maintenance","code":"old"}', substr $bytes, -32) for 0 .. $entries - 1;
	return $bytes;
}
my $far = 999_999_999_990;
my $unrecorded = pack('a8VVa16Q<VVQ<q<q<a24a32', 'CASUSCUT', 1, 160, 'other node 16 by', 1, 1, 1, 2, time() * 1_000_000, time() * 1_000_000, '', 'm' x 32);
$unrecorded .= hmac_sha256($unrecorded, $secret);
my %leaves_out = (2 => segment(unpack('H*', 'other node 16 by'), 2, 3, time, 'm' x 32, 0));
$leaves_out{$far} = segment(unpack('H*', 'other node 16 by'), $far, 3, time, 'm' x 32, 0);
sub leaves_out
{
	my ($segment, $place) = @_;
	return piece(0, 2, 0, $unrecorded) if $segment == 0;
	return piece($segment, $segment == 2 ? $far : 0, $segment == 2, substr $leaves_out{$segment}, $place);
}

# A child that answers each question by $answer->(segment asked for, and the place in it).
sub false_server
{
	my ($answer) = @_;
	my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
	my $pid = fork() // die $!;
	return ($pid, $listener->sockport) if $pid;
	# It does not outlive a test that ends early, which waits for its output.
	alarm 1800;
	while (my $client = $listener->accept)
	{
		my ($segment, $place) = (0, 0);
		my $code = 0;
		while ($code != 196608 && read $client, my $length, 4)
		{
			read $client, my $body, unpack('N', $length) - 4;
			$code = unpack 'N', $body;
			syswrite $client, 'N' if $code != 196608;
		}
		syswrite $client, message('R', pack 'N', 0) . message('Z', 'I');
		while (read $client, my $head, 5)
		{
			my ($type, $length) = unpack 'a N', $head;
			read $client, my $body, $length - 4 if $length > 4;
			(undef, undef, undef, undef, $segment, $place) = unpack 'Z* Z* n n N/a N/a', $body if $type eq 'B';
			print $client $answer->($segment, $place) if $type eq 'S';
			$client->flush;
		}
	}
	exit 0;
}

{
	my $other = unpack 'H*', 'other node 16 by';
	append_to_file(key_file($primary) . '.d/false', "casus log key 1\nnode $other\n1 " . unpack('H*', $secret) . "\n");
	chmod 0600, key_file($primary) . '.d/false';
}
for my $case ([ 'a COPY without end', \&copy_out, qr/it gives nothing: its answer is no rows/ ], [ 'segments without end', \&missing_segment, qr/it names segments that are not there/ ],
	[ 'a row of 1.9 GB', \&endless_row, -e '/proc/self/statm' ? qr/it gives nothing: .*lost synchronization with server: got message type "D", length 1899999996/ : qr/it gives nothing: it does not answer/ ],
	[ 'more than is asked for', \&too_much, qr/its answer is not of the form of casus\.log_piece/ ], [ 'no segment', \&no_segment, qr/its log has no segment/ ],
	[ 'numbers left out', \&leaves_out, qr/its checkpoint, of segments to 1 that are gone, is not on record in its log/ ])
{
	my ($what, $answer, $finding) = @$case;
	my ($pid, $port) = false_server($answer);
	my $false = "host=127.0.0.1 port=$port user=ophaler";
	$primary->safe_psql('postgres', "ALTER SYSTEM SET casus.log_collect = '$false; host=" . $standby->host . ' port=' . $standby->port . q{ user=ophaler dbname=postgres'});
	$primary->reload;
	ok(wait_until(sub { audit($primary, "SELECT coalesce(max(finding), '') FROM casus.log_chain WHERE source = '127.0.0.1:$port'") =~ $finding }), "$what: told");
	refuse_many($standby, 5);
	same($primary, $standby, "... and another server's log is collected");
	# Fast: a collector that does not look at it hangs here.
	$primary->restart;
	kill 'KILL', $pid;
	waitpid $pid, 0;
}
unlike(slurp_file($primary->logfile), qr/say this in your log/, 'what another server wants to be said is not in the log of this one');
collect_from($primary, $standby);
unlink key_file($primary) . '.d/false';
rmtree($primary->data_dir . '/casus_log/' . unpack 'H*', 'other node 16 by');

# ---- a disk that others fill ----

my $library = $primary->basedir . '/baddisk.so';
SKIP:
{
	skip 'no library can be built here', 4
		if system('gcc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', $library, "$ENV{CASUS_SRC}/test/log/baddisk.c", '-ldl') != 0;
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{BADDISK} = $primary->basedir . '/disk';
	append_to_file("$ENV{BADDISK}.room", '');
	$primary->restart;
	read_rows($standby, 5, 6);
	ok(wait_until(sub { finding_of($primary, $standby) =~ /^nothing more of it is kept: on the file system of the copy is no room but the 256 kB that are left for the log of this server/ }), 'without room for more than the own log nothing is collected');
	is(state_of($primary, $standby), 'failing', '... which is no word against the other server');
	is(read_rows($primary, 5, 6), '2', '... and this one reads and writes its own');
	unlink "$ENV{BADDISK}.room";
	same($primary, $standby, '... room again');
}
$primary->restart;

# ---- a log that is not what it was ----

my $copies = $primary->data_dir . '/casus_log/' . (CasusTest::log_keys($standby))[0];
sub loaded { my ($other) = @_; return audit($primary, "SELECT count(*), max(seq) FROM casus.access_log WHERE node = '" . uuid($other) . q{'}) }

$primary->stop;
read_rows($standby, 16, 17);
refuse_many($standby, 5);
my ($changed) = grep { ($_->{relation} // '') eq 'public.zaak' && $_->{kind} eq 'read' } reverse CasusTest::log_records($standby);
CasusTest::change_byte($changed->{segment}, $changed->{offset} + 40);
$primary->start;
ok(wait_until(sub { state_of($primary, $standby) eq 'refused' }), 'an entry that was changed on the standby is refused');
like(finding_of($primary, $standby), qr/its log does not hold in \d{12}\.log, position $changed->{offset}, entry $changed->{seq}: the entry is changed/, '... and named');
like(doctor($primary, 'log_collect_refused'), qr/^critical: .*the entry is changed/, '... by doctor too');
sleep 2;
is(report() >> 8, 1, '... and by the exit code of casusctl report');
like(slurp_file($page), qr/class="bad">Van 1 andere servers is de log geweigerd/, '... whose page says so');
like(slurp_file($page), qr/van 0 andere servers wordt de log hierheen gehaald/, '... and does not count it');
my $last = sub { return numbers_here($primary, $standby, 1_000_000) =~ /(\d+)$/ ? $1 : 0 };
ok(wait_until(sub { $last->() >= $changed->{seq} - 1 }), '... what is before it is loaded');
is($last->(), $changed->{seq} - 1, '... and nothing of it, or behind it, is loaded');
CasusTest::change_byte($changed->{segment}, $changed->{offset} + 40);
same($primary, $standby, 'put back as it was');

# One that was made anew from an earlier entry, with the right key: two logs of one name.
$standby->stop;
my $there = CasusTest::log_directory($standby);
system('cp', '-a', $there, $standby->basedir . '/kept');
$standby->start;
read_rows($standby, 18, 19);
same($primary, $standby, 'before it is set back');
my $before = loaded($standby);
$standby->stop;
rmtree($there);
system('cp', '-a', $standby->basedir . '/kept', $there);
$standby->start;
read_rows($standby, 20, 25) for 1 .. 5;
ok(wait_until(sub { state_of($primary, $standby) eq 'refused' }), 'F013: a log that was set back and went on is refused');
# As long as it is shorter than before it says that.
ok(wait_until(sub { finding_of($primary, $standby) =~ /it was made anew from entry \d+ or before/ }), '... and named');
sleep 2;
is(loaded($standby), $before, '... and nothing of it is loaded');

# A key file of this server: two chains of one name.
$standby->stop;
rename key_file($standby), key_file($standby) . '.old';
copy(key_file($primary), key_file($standby));
chmod 0600, key_file($standby);
$standby->start;
ok(wait_until(sub { finding_of($primary, $standby) =~ /it has the key file of this server/ }), 'a standby with the key file of its primary is refused');

# ---- rebuilt: a log of its own, while the old one stays ----

my $old = audit($primary, q{SELECT string_agg(DISTINCT node::text, ' ') FROM casus.access_log WHERE node <> (SELECT node FROM casus.log_chain WHERE state = 'own')});
$standby->stop;
$primary->backup('second');
my $second = make_standby('twee', 'second');
hand_over_key($second, $primary, 'twee');
collect_from($primary, $second);
read_rows($second, 1, 2);
same($primary, $second, 'rebuilt');
is(audit($primary, "SELECT state FROM casus.log_chain WHERE node = '$old'"), 'kept', 'the log of the former standby is kept');
is(audit($primary, "SELECT ok FROM casus.verify_log(node => '$old')"), 't', '... and verifies');
is(audit($primary, "SELECT count(*), max(seq) FROM casus.access_log WHERE node = '$old'"), $before, '... and is shown');
# The planner leaves out this node's segments, whose reader puts on record that the log is read.
my $reads = "SELECT count(*) FROM casus.access_log WHERE code = 'access_log' AND role = 'auditor'";
my $reads_before = audit($primary, $reads);
audit($primary, "SELECT count(*) FROM casus.access_log WHERE node = '$old'");
is(audit($primary, $reads) - $reads_before, 2, '... which is on record, once, as reading the own log is');

# A copy that somebody changes here is not loaded either.
$primary->safe_psql('postgres', 'CREATE DATABASE ander');
$primary->safe_psql('ander', 'CREATE EXTENSION casus');
ok(wait_until(sub { $primary->safe_psql('ander', q{SET ROLE casus_auditor; SELECT count(DISTINCT node) FROM casus.access_log}) eq '3' }), 'another database has of all logs what is about them');

{
	# As a database that is made later would load it.
	my ($copy) = glob $primary->data_dir . "/casus_log/" . ($old =~ s/-//gr) . '/*.log';
	CasusTest::change_byte($copy, 128 + 24 + 5);
	$primary->safe_psql('postgres', 'CREATE DATABASE later');
	$primary->safe_psql('later', 'CREATE EXTENSION casus');
	ok(wait_until(sub { $primary->safe_psql('later', q{SET ROLE casus_auditor; SELECT count(DISTINCT node) FROM casus.access_log}) eq '2' }), 'what is about another database is loaded');
	sleep 2;
	is($primary->safe_psql('later', "SET ROLE casus_auditor; SELECT count(*) FROM casus.access_log WHERE node = '$old'"), '0', '... but for a copy that somebody changed here');
	like(audit($primary, "SELECT finding FROM casus.verify_log(node => '$old')"), qr/^the entry is changed$/, '... as verify_log says');
	$primary->safe_psql('later', q{SELECT casus.add_person('Later', NULL)});
	like($primary->safe_psql('later', q{SELECT finding FROM casus.doctor() WHERE code = 'log_load_late' AND severity = 'critical'}), qr/^The loader of the access log of node $old is at entry 0; it stays before segment 1, position \d+: the entry is changed\.$/, '... and doctor');
	# Somebody who has no other copy says that it is lost: there, and nowhere else.
	my $loaded = "SELECT coalesce(max(loaded_seq), 0) FROM casus.log_nodes() WHERE node = '$old'";
	my ($from, $to) = split /\|/, $primary->safe_psql('later', "SELECT from_seq, to_seq FROM casus.skip_log('schijf stuk', '$old') WHERE segment = 1 AND next_segment = 2");
	is($from, '1', 'the loader goes past a segment of a copy');
	$primary->safe_psql('later', q{SELECT casus.add_person('Behind', NULL)});
	ok(wait_until(sub { $primary->safe_psql('later', "SET ROLE casus_auditor; $loaded") > $to }), '... and what follows is loaded');
	is($primary->safe_psql('later', q{SELECT string_agg(code, ' ') FROM casus.doctor() WHERE code ~ '^log_load'}), 'log_load_skipped', '... as doctor says');
	like(audit($primary, "SELECT finding FROM casus.verify_log(node => '$old')"), qr/^the entry is changed$/, '... and verify_log names the damage as before');
	is(doctor($primary, 'log_load_skipped'), '', '... of which other databases know nothing');
	CasusTest::change_byte($copy, 128 + 24 + 5);

	is(doctor($primary, 'log_load_ahead') . doctor($primary, 'log_load_late') . doctor($primary, 'log_load_gap'), '', '... which is content here');
	my ($end_of_copy) = reverse sort glob $primary->data_dir . "/casus_log/" . ($old =~ s/-//gr) . '/*.log';
	rename $end_of_copy, "$end_of_copy.away" or die $!;
	like(doctor($primary, 'log_load_ahead'), qr/^warning: Entries of the access log of node $old are in tables up to \d+ \(segment \d+\), and that log ends here before it\.$/, 'a copy that ends before what was loaded of it: doctor says so');
	rename "$end_of_copy.away", $end_of_copy or die $!;
}

# ---- a connection that is cut, and a standby that does not answer ----

refuse_many($second, 300);
for (1 .. 20)
{
	sql($second, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ophaler'});
	sleep 0.2;
}
same($primary, $second, 'connections cut');
if ($ENV{TEST_LONG})
{
	# The one that was cut last may not have been followed by another yet.
	my $backend = '';
	wait_until(sub { return ($backend = sql($second, q{SELECT pid FROM pg_stat_activity WHERE usename = 'ophaler'})) =~ /^\d+$/ }) or die 'nobody collects';
	kill 'STOP', $backend;
	ok(wait_until(sub { finding_of($primary, $second) =~ /it does not answer/ }), 'a standby that does not answer is told');
	kill 'CONT', $backend;
	read_rows($second, 3, 4);
	same($primary, $second, 'it answers again');
}

# ---- segments that are gone before they were collected ----

$primary->stop;
# More than one segment of them, whichever was collected in part.
refuse_many($second, 1500);
$second->stop;
my ($gone) = (CasusTest::log_segments($second))[-2];
my @second_records = CasusTest::log_records($second);
rename $gone, "$gone.away" or die $!;
$second->start;
$primary->start;
ok(wait_until(sub { doctor($primary, 'log_collect_gap') =~ /^critical: Of the access log of node \S+ 1 segments are missing/ }), 'a gap is told by doctor');
is(audit($primary, "SELECT missing, state FROM casus.log_chain WHERE node = '" . uuid($second) . q{'}), '1|collected', '... and in casus.log_chain');
like(audit($primary, "SELECT finding FROM casus.verify_log(node => '" . uuid($second) . q{')}), qr/^the segment is missing$/, '... and by verify_log');
my $missing = grep { $_->{segment} eq $gone } @second_records;
ok(wait_until(sub { doctor($primary, 'log_load_gap') eq "critical: Of the access log of node ${\ uuid($second)} $missing entries were not there when it was put into tables." }), '... and by doctor, how many entries are in no table');
is(report() >> 8, 1, '... and by the exit code of casusctl report');
like(slurp_file($page), qr/${\ uuid($second)}.*?opgehaald.*?NIET geheel/, '... whose page names the log');
same($primary, $second, '... and what follows is collected');

# ---- promoted: its log goes on, and the former primary's is collected by it ----

read_rows($primary, 30, 31);
read_rows($second, 32, 33);
same($primary, $second, 'before the promotion');

# Without its key nobody can tell: the page is made all the same, says so of that log alone, and is not whole.
my ($held) = grep { slurp_file($_) =~ /^node ${\ (CasusTest::log_keys($second))[0]}$/mi } glob(key_file($primary) . '.d/*');
rename $held, $primary->basedir . '/held' or die $!;
is(report() >> 8, 1, 'a log whose key is not here: the exit code of casusctl report');
like(slurp_file($page), qr/${\ uuid($second)}.*?niet te verifieren/, '... whose page names it');
like(slurp_file($page), qr/class="bad">Van 1 andere servers is de log niet te verifieren/, '... and says what that means');
like(slurp_file($page), qr/deze server.*eigen/, '... beside the others');
rename $primary->basedir . '/held', $held or die $!;
rename "$gone.away", $gone or die $!;
$primary->wait_for_catchup('twee');
my $former = uuid($primary);
$primary->stop;
my $first_there = numbers_there($primary, 1_000_000);
$second->promote;
read_rows($second, 34, 35);
is(audit($second, "SELECT count(*), count(DISTINCT seq) FROM casus.access_log WHERE node = '" . uuid($second) . q{' AND relation = 'public.zaak'}), $ENV{TEST_LONG} ? '4|4' : '3|3', 'promoted, its own log goes on, each record once');
is(audit($second, "SELECT count(*) > 10 FROM casus.access_log WHERE node = '$former'"), 't', '... and what the former primary had put into tables is there');
is(audit($second, 'SELECT ok FROM casus.verify_log()'), 't', '... and its log verifies');

# The former primary comes back as its standby: what it had not put into tables is collected now.
$primary->append_conf('postgresql.conf', "primary_conninfo = 'host=" . $second->host . ' port=' . $second->port . " application_name=terug'\ncluster_name = 'terug'\nhot_standby = on\n");
$primary->append_conf('postgresql.auto.conf', "casus.log_collect = ''\n");
$primary->set_standby_mode;
$primary->start;
hand_over_key($primary, $second, 'terug');
collect_from($second, $primary, $second);
same($second, $primary, 'the former primary');
is(audit($second, q{SELECT count(*) FROM casus.log_chain WHERE state IN ('failing', 'refused')}), '0', 'a server that names itself too is not collected, and that is no fault');
$primary->stop;

# ---- a node that has purged its log: so is the copy, when its term is over here, too, and by nobody's word alone ----

# A server with a log of years: six segments, the oldest of nine years ago.
my $year = 365 * 86400;
my ($source, $node_name) = ($standby, 'ab' x 16);
my $owner = $source;    # of the log that is made
sub put
{
	my ($name, $data) = @_;
	open my $file, '>:raw', "$name.put" or die "$name: $!";
	print $file $data;
	close $file or die $!;
	chmod 0600, "$name.put";
	return rename "$name.put", $name;
}
my $source_log = $source->data_dir . "/casus_log/$node_name";
sub file_of { return sprintf '%s/%012d.log', $_[0], $_[1] }
sub numbers_of { return map { m{/0*(\d+)\.log$} } sort glob "$_[0]/*.log" }
# Segments of 20 entries each, one per age in years; and the key file of that node.
sub make_log
{
	my ($directory, $name, @ages) = @_;
	my ($mac, $segment) = ("\0" x 32, 0);
	mkdir $directory, 0700 or die $!;
	for my $age (@ages)
	{
		my $bytes = segment($name, ++$segment, 20 * $segment - 19, time - int($age * $year), $mac, 20);
		$mac = substr $bytes, -32;
		put(file_of($directory, $segment), $bytes);
	}
	return put(key_file($owner), slurp_file(key_file($second)) =~ s/^node \K[0-9a-f]+$/$name/mr =~ s/^1 \K[0-9a-f]+.*\z/unpack('H*', $secret) . "\n"/msre);
}
make_log($source_log, $node_name, 9, 8, 7, 6, 5, 4);
unlink $source->data_dir . '/standby.signal';
$source->append_conf('postgresql.conf', "casus.log_retention = '1d'\n");
$source->start;
sql($source, q{SELECT casus.set_parameter('beesel', 'bewaartermijn_logboek', '1')});
sub purge_before { my ($years) = @_; return $source->poll_query_until('postgres', "SELECT segments > 0 FROM casus.purge_log(before => now() - interval '" . int($years * 365) . q{ days')}) }
ok(purge_before(7.5), 'a server purges two years of its log');
is(join(' ', numbers_of($source_log)), '3 4 5 6', '... as files');

my $copy_of_it = $second->data_dir . "/casus_log/$node_name";
my $its_uuid = uuid($source);
sub copied { return join ' ', numbers_of($copy_of_it) }
sub becomes { my ($state, $what) = @_; my $is; wait_until(sub { ($is = audit($second, "SELECT concat_ws(' ', state, finding) FROM casus.log_chain WHERE node = '$its_uuid'")) =~ $state }); return like($is, $state, $what) }
# The collector has looked since, and followed what it was offered.
sub collected
{
	my ($what) = @_;
	my $since = audit($second, 'SELECT clock_timestamp()');
	my $later;
	# The second turn that has ended since then began after it.
	for (1 .. 2)
	{
		wait_until(sub { ($later = audit($second, "SELECT collected_at FROM casus.log_chain WHERE node = '$its_uuid' AND collected_at > '$since'")) ne '' });
		$since = $later || 'infinity';
	}
	isnt($later, '', $what);
	return;
}
sub copy_holds
{
	my ($what, $gone) = @_;
	is(audit($second, "SELECT ok, first_seq, finding FROM casus.verify_log(node => '$its_uuid')"), 't|' . ($gone + 1) . '|', "$what: verify_log of the copy");
	$second->command_like([ CasusTest::casusctl(), 'verify', '-l', $copy_of_it, '-k', key_file($owner) ], qr/^entries 1 to $gone have gone after their term\nwhole: /, '... and casusctl');
	return;
}
sub checkpoint { return slurp_file("$_[0]/checkpoint") }

hand_over_key($source, $second, 'bron');
collect_from($second, $source);
becomes(qr/^collected$/, 'its log is first collected after that');
is(copied(), '3 4 5 6', '... with the segments that there are');
is(checkpoint($copy_of_it), checkpoint($source_log), '... and its checkpoint comes along');
copy_holds('... what is there verifies', 40);

ok(purge_before(5.5), 'it purges more');
is(join(' ', numbers_of($source_log)), '5 6', '... as files');
collected('... and is collected');
is(copied(), '3 4 5 6', 'a server without casus.log_retention keeps what it has collected');
copy_holds('... which verifies', 40);
$second->append_conf('postgresql.conf', "casus.log_retention = '1d'\n");
$second->restart;
collected('... it has one now');
is(copied(), '3 4 5 6', '... and a file there that has no term keeps it');
sub keep_months { return sql($second, "SELECT casus.set_parameter('beesel', 'bewaartermijn_logboek', '$_[0]')") }
keep_months(66);
ok(wait_until(sub { copied() eq '5 6' }), 'when the terms are over there, too, the copy is purged');
becomes(qr/^collected$/, '... and collected on');
is(checkpoint($copy_of_it), checkpoint($source_log), '... with the checkpoint');
copy_holds('... what is left verifies', 80);
is(audit($second, "SELECT first_segment, missing FROM casus.log_chain WHERE node = '$its_uuid'"), '5|0', '... and nothing is said to be missing');

# What another server may say, and that nothing comes of it: a checkpoint for segment 5 as well.
my $true = checkpoint($source_log);
my %its = map { $_ => slurp_file(file_of($source_log, $_)) } 5, 6;
sub one_more
{
	my ($years, $last, $key) = @_;
	my $made = substr($true, 0, 32) . pack('Q<VVQ<q<q<a24a32', 5, 1, 1, 100, time() * 1_000_000, int(time() - $years * $year) * 1_000_000, '', $last // substr $its{6}, 64, 32);
	return $made . hmac_sha256($made, $key // $secret);
}
sub offered
{
	my ($what, $data, $finding) = @_;
	put("$source_log/checkpoint", $data);
	becomes($finding, $what);
	is(copied(), '5 6', '... and nothing goes');
	is(checkpoint($copy_of_it), $true, '... nor does the checkpoint come');
	return;
}
sub is_on_record { my ($cut) = @_; return '{"ts":"2015-01-01T00:00:00Z","kind":"maintenance","code":"purge_log","text":"checkpoint ' . join(':', unpack('x32Q<', $cut), unpack('x48Q<', $cut), unpack 'x96H64', $cut) . '"}' }
offered('a checkpoint that its node has not made', one_more(9, undef, 'x' x 32), qr/^refused the checkpoint of the segments that are gone is changed, or made with another key/);
like(doctor($second, 'log_collect_refused'), qr/^critical: .*the checkpoint of the segments that are gone is changed/, '... doctor says it');
offered('... cut short', substr($true, 0, 159), qr/^refused the checkpoint of the segments that are gone is changed/);
offered('... of another log', one_more(9, 'm' x 32), qr/^refused its checkpoint is not of the log that was collected: segment 6 does not go on from it/);
my $young = one_more(9);
offered('... with its key, but not on record', $young, qr/^refused its checkpoint, of segments to 5 that are gone, is not on record in its log/);
put("$source_log/checkpoint", $true);
becomes(qr/^collected$/, 'put back, it is collected on');
# Who has key and account of that server puts it on record, too.
$source->stop;
{
	my $last_entry = (CasusTest::log_records($source, raw => 1))[-1];
	append_to_file($last_entry->{segment}, entry($last_entry->{seq} + 1, time, is_on_record($young), substr slurp_file($last_entry->{segment}), -32));
}
$source->start;
offered('... on record, but of older entries than were collected', $young, qr/^refused its checkpoint, of segments to 5, is not of what was collected of them/);
put("$source_log/checkpoint", $true);
ok(purge_before(4.5), 'it purges what is to be kept longer here');
becomes(qr/^collected$/, '... and is collected on');
collected('... for a while');
is(copied(), '5 6', '... and nothing goes');
my $older = $true;
$true = checkpoint($source_log);

# What somebody changed here does not go.
CasusTest::change_byte(file_of($copy_of_it, 5), 128 + 24 + 5);
keep_months(1);
becomes(qr/^refused what it has purged stays here, since the copy on this server is changed in 000000000005\.log, position 128: the entry is changed/, 'what somebody changed here stays when its term is over');
is(copied(), '5 6', '... as evidence');
CasusTest::change_byte(file_of($copy_of_it, 5), 128 + 24 + 5);
ok(wait_until(sub { copied() eq '6' }), '... put back, it goes');
copy_holds('... the rest verifies', 100);
put("$source_log/checkpoint", $older);
becomes(qr/^refused its checkpoint is not the last one that was collected/, 'an older checkpoint is refused');
put("$source_log/checkpoint", $true);
$second->stop('immediate');
put(file_of($copy_of_it, 5), $its{5});
$second->start;
ok(wait_until(sub { copied() eq '6' }), 'killed between checkpoint and segments: they go at the next look');
copy_holds('... and the copy is whole', 100);

# ---- purges at once, and beside those who verify and collect ----

$source->stop;
($source_log, $node_name) = ($source->data_dir . '/casus_log/' . 'cd' x 16, 'cd' x 16);
make_log($source_log, $node_name, map { 9 - $_ / 10 } 1 .. 40);
$source->start;
hand_over_key($source, $second, 'bron');
sql($second, q{SELECT casus.set_parameter('beesel', 'bewaartermijn_logboek', '1')});
{
	open my $lock, '+>>', "$source_log/purge.lock" or die $!;
	flock $lock, 2;
	wait_until(sub { (CasusTest::refusal($source, 'SELECT casus.purge_log()'))[1] !~ /not known/ });
	is((CasusTest::refusal($source, 'SELECT casus.purge_log()'))[1], 'the access log is being purged by another session', 'two purges at once: the second is told');
	close $lock;
}
{
	my (@purges, @out, @err);
	my ($verified, $told) = ('', '');
	my $verifier = IPC::Run::start([ 'psql', '-XAtq', '-d', $source->connstr('postgres'), '-c', 'SELECT casus.verify_log() FROM generate_series(1, 60)' ], '>', \$verified, '2>', \$told);
	for my $n (0 .. 3)
	{
		my $ask = join '; ', map { "SELECT segments FROM casus.purge_log(before => now() - interval '" . int((9 - $_ / 10) * 365) . q{ days')} } 1 .. 39;
		push @purges, IPC::Run::start([ 'psql', '-XAtq', '-d', $source->connstr('postgres'), map { ('-c', $_) } split /; /, $ask ], '>', \$out[$n], '2>', \$err[$n]);
	}
	$_->finish for @purges, $verifier;
	my $gone = 0;
	$gone += $_ for map { split } @out;
	is(join(' ', numbers_of($source_log)), join(' ', $gone + 1 .. 40), "four sessions purge at once: $gone segments went once each");
	cmp_ok($gone, '>', 30, '... as many as could');
	is(join('', @err) =~ s/^ERROR:  the access log is being purged by another session\n//mgr, '', '... and who came second was told that');
	is($verified =~ s/^\(t,.*\n//mgr . $told, '', '... who verifies meanwhile finds nothing wrong');
	is(audit($source, 'SELECT ok, finding FROM casus.verify_log()'), 't|', '... or afterwards');
	my @cuts = map { /"text":"checkpoint (\d+):/ } map { $_->{payload} } CasusTest::log_records($source, raw => 1);
	is(join(' ', @cuts), join(' ', sort { $a <=> $b } @cuts), '... each with an entry of its own');
}
($copy_of_it, $its_uuid) = ($second->data_dir . "/casus_log/$node_name", uuid($source));
becomes(qr/^collected$/, 'who collects meanwhile goes on');
ok(wait_until(sub { copied() eq join ' ', numbers_of($source_log) }), '... and has what is left');
is(audit($second, "SELECT ok, finding FROM casus.verify_log(node => '$its_uuid')"), 't|', '... which verifies');
$source->stop;

# ---- a standby purges its own: what its primary has collected, when every term of the primary's databases is over ----

# One of another database keeps it for ever, and later for five and a half years; the one here for a month.
$second->safe_psql('ander', q{SELECT casus.install_protocol('beesel-2021'); SELECT casus.open_file('beesel-2021', 'ander');
	SELECT casus.activate_protocol('ander', dpia => 'x', parameters => '{"startdatum": "2021-12-01", "standaarden": []}')});
collect_from($second);
$second->backup('third');
my $third = PostgreSQL::Test::Cluster->new('drie');
$third->init_from_backup($second, 'third', has_streaming => 1);
$third->append_conf('postgresql.conf', "cluster_name = 'drie'\n");
($owner, $node_name) = ($third, 'ef' x 16);
$source_log = $third->data_dir . "/casus_log/$node_name";
make_log($source_log, $node_name, 9, 8, 7, 6, 5, 4);
my $all = join ' ', numbers_of($source_log);
$third->start;
($copy_of_it, $its_uuid) = ($second->data_dir . "/casus_log/$node_name", uuid($third));
sub purge_there { return (CasusTest::refusal($third, 'SELECT * FROM casus.purge_log()'))[1] }
sub gives { my ($message, $what) = @_; my $is; wait_until(sub { ($is = purge_there()) eq $message }); return is($is, $message, $what) }
gives('the access log is kept for ever', 'a standby keeps its log while a file of another database wants it');
$second->safe_psql('ander', q{SELECT casus.set_parameter('ander', 'bewaartermijn_logboek', '66')});
gives('the primary has not collected the access log of this standby', '... and while its primary has not collected it');
is(join(' ', numbers_of($source_log)) =~ s/^$all\K.*//r, $all, '... all of it');
hand_over_key($third, $second, 'drie');
collect_from($second, $third);
becomes(qr/^collected$/, 'its log is collected');
same($second, $third, 'it is in tables');
$second->wait_for_catchup('drie');
{
	my ($newest) = reverse CasusTest::log_segments($third);
	rename $newest, "$newest.away" or die $!;
	is(purge_there(), 'what the primary has collected is not the access log of this standby as it is now', 'a log that is not the one that was collected keeps all');
	rename "$newest.away", $newest or die $!;
}
is(sql($third, 'SELECT segments, last_seq FROM casus.purge_log()', 'auditor'), '4|80', 'a standby purges what was collected and whose terms are over');
is((numbers_of($source_log))[0], '5', '... as files');
is(audit($third, 'SELECT ok, first_seq, finding FROM casus.verify_log()'), 't|81|', '... the rest verifies there');
ok(wait_until(sub { copied() eq '5 6' }), '... and the copy on the primary follows, whose terms are over, too');
copy_holds('... which', 80);
$_->stop for $third, $second;

done_testing();
