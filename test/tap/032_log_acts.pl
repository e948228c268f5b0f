# An act and a log that cannot be written when it commits: it is not done without its entry; an entry that came first is
# followed by one that says that it was undone, also when its session is gone before there is room; a server that stops
# says what it could not write.  C010
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use CasusTest;

my $node = CasusTest::start('main', conf => "casus.log_timeout = 240\n");
# The limit by which its disk is full is one for all files that the writer writes to; what it says goes through a pipe.
$node->append_conf('postgresql.conf', "logging_collector = on\nlog_directory = '" . $node->basedir . "'\nlog_filename = 'said.log'\n");
$node->restart;
sub said { return slurp_file($node->basedir . '/said.log', $_[0] // 0) }
$node->safe_psql('postgres', q{
	CREATE TABLE zaak (id integer PRIMARY KEY, soort integer NOT NULL);
	INSERT INTO zaak SELECT n, 8 FROM generate_series(1, 20) n;
});
CasusTest::fixture($node, $_) for 'coor', 'zaken';

# What somebody does in a session of that name, which is over then; what he is told.
sub act
{
	my ($name, @sql) = @_;
	local $ENV{PGAPPNAME} = $name;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', $_) } @sql ], '>', \$out, '2>', \$err, CasusTest::patience());
	return $err;
}
sub persons { my ($name) = @_; return $node->safe_psql('postgres', "SELECT count(*) FROM casus.person WHERE name = '$name'") }

# What is on record of such a session, in order.
sub told
{
	my ($name) = @_;
	return join ', ', map { join ' ', $_->{kind}, $_->{code} // (), ($_->{text} // '') =~ /^(\w+)/ } grep { ($_->{application} // '') eq $name && $_->{kind} ne 'refusal' } CasusTest::log_records($node);
}
sub tells { my ($name, $expected, $what) = @_; my $is; CasusTest::wait_until(sub { ($is = told($name)) eq $expected }); return is($is, $expected, $what) }
sub reads { return $node->psql('postgres', q{BEGIN; SELECT FROM casus.enter('intake'); SELECT id FROM zaak WHERE id = 1}, extra_params => [ '-U', 'coordinator' ]) }
sub room { CasusTest::free_disk($node); return CasusTest::wait_until(sub { reads() == 0 }) }

my $done = 'attempt add_person, setup add_person';
my $undone = "$done, attempt undone add_person";
my $why = qr/the access log cannot be written/;

# ---- strict: the entry comes first ----

CasusTest::fill_disk($node);
like(act('first', q{SELECT casus.add_person('First')}), $why, 'C010: the disk is full when an act commits: whoever acts is told');
is(persons('First'), '0', '... and it is not done');
ok(CasusTest::log_fails($node), '... doctor says that the log fails');
like(act('second', q{SELECT casus.add_person('Second')}), $why, '... so that the next is refused, too');
is(persons('Second'), '0', '... and not done');
isnt(reads(), 0, '... and nothing protected is read');
is(told('first'), '', '... nothing of it is on disk');
ok(room(), 'there is room again: reading resumes');
tells('first', $undone, 'the entry that waited is written, and that the act was undone, whose session is gone');
tells('second', $undone, '... of the next one likewise');
is(act('third', q{SELECT casus.add_person('First')}), '', '... which is true: it can be done');
is(told('third'), $done, '... and is on record');

# Within a transaction that reads, too, and one that is rolled back anyway.
CasusTest::fill_disk($node);
like(act('back', q{BEGIN; SELECT casus.add_person('Back'); ROLLBACK}), qr/^$|$why/, 'an act that is rolled back while the disk is full');
room();
tells('back', 'attempt add_person', '... was tried, and no more');

# None is in a prepared transaction, whose COMMIT would come when its entry has long been written.
like(act('prepare', q{BEGIN; SELECT casus.add_person('Prepared'); PREPARE TRANSACTION 'p'}), qr/this transaction cannot be prepared/, 'an act is not prepared');
is($node->safe_psql('postgres', 'SELECT ok, finding FROM casus.verify_log()'), 't|', 'the log verifies');
is(CasusTest::log_damage($node), '', '... without a gap');

# ---- relaxed: the act commits when its entry is in memory, which waits there for room ----

$node->append_conf('postgresql.conf', "casus.log_durability = relaxed\n");
$node->restart;
CasusTest::fill_disk($node);
is(act('early', q{SELECT casus.add_person('Early')}), '', 'relaxed: before anybody knows that the disk is full an act is done');
is(persons('Early'), '1', '... and stays');
ok(CasusTest::log_fails($node), '... until the log is known to fail');
like(act('late', q{SELECT casus.add_person('Late')}), $why, '... then it is refused');
is(persons('Late'), '0', '... and not done');
isnt(reads(), 0, '... and nothing protected is read');
is(told('early'), '', 'of what was done nothing is on disk yet');
room();
tells('early', $done, 'there is room: it is on record, once, though its session is gone');
tells('late', $undone, '... and that the other was undone');
is($node->safe_psql('postgres', 'SELECT ok, finding FROM casus.verify_log()'), 't|', '... and the log verifies');

# Memory ends with the server.
CasusTest::fill_disk($node);
is(act('lost', q{SELECT casus.add_person('Lost')}), '', 'an act while the disk is full');
ok(CasusTest::log_fails($node), '... which is known then');
my $offset = length said();
$node->stop;
like(said($offset), qr/LOG:  casus could not write the last [2-9] records of its access log in "[^"]*": File too large\n[^\n]*DETAIL:  They are lost when the server stops\. Rows that they are about have left it/,
	'a server that is stopped then says in its own log what is lost');
$offset = length said();
$node->start;
CasusTest::wait_until(sub { reads() == 0 });
is(told('lost'), '', '... for it is');
is((grep { ($_->{code} // '') eq 'log_started' } CasusTest::log_records($node))[-1]{text}, 'the last writer was not stopped in order', '... and the access log that it goes on without');
$node->stop;
unlike(said($offset), qr/casus could not write the last/, 'a server that could write all says nothing of the kind');
done_testing();
