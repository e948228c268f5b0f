# The README does what it says: its ```sql blocks run in order in one psql
# session in a fresh database, and where a ```text block follows, that is what
# came out.  A block without such a text must run without an error.
# So must the SQL of the plain blocks, with names and numbers that are there
# in the places of those that the README makes up.
# The settings and error codes that it lists are those of the library.
use strict;
use warnings;

use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

my $node = CasusTest::start('main', no_extension => 1, conf => "casus.log_retention = 9999d\n");
my $readme = slurp_file("$ENV{CASUS_SRC}/README.md");
my @blocks;

# A block is {sql, text}; text is undef when none follows directly.
while ($readme =~ /^```sql\n(.*?)^```\n(?:\s*```text\n(.*?)^```\n)?/gms)
{
	push @blocks, { sql => $1, text => $2 };
}
cmp_ok(scalar @blocks, '>', 5, 'the README has blocks of SQL');

my $script = '';
$script .= "\\echo == $_\n$blocks[$_]->{sql}\n\\echo\n" for 0 .. $#blocks;
my $file = "$PostgreSQL::Test::Utils::tmp_check/readme.sql";
append_to_file($file, $script);

# One stream, as pg_regress has it, so that errors stand where they happened.
my $host = $node->host;
my $port = $node->port;
my $out = qx{psql -X -q -h '$host' -p $port -U postgres -d postgres -f '$file' 2>&1};
$out =~ s/^psql:[^:]*:\d+: //gm;
my @output = split /^== \d+\n/m, $out;
shift @output;
is(scalar @output, scalar @blocks, 'every block was reached');

# What differs between two runs: dates, times, ids of processes, uuids.
sub masked
{
	my ($text) = @_;
	$text =~ s/\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d[.\d]*)?([+-]\d\d(:?\d\d)?|Z)?/<time>/g;
	$text =~ s/"(pid|query_id|queryid|xid)":\s*-?\d+/"$1":<n>/g;
	$text =~ s/(casus\.\w+\()\d+/$1<id>/g;
	$text =~ s/[ \t]+$//gm;
	$text =~ s/\s+\z/\n/;
	return $text;
}

for my $i (0 .. $#blocks)
{
	my ($first) = $blocks[$i]->{sql} =~ /^(.*)/;
	my $got = $output[$i] // '';
	if (defined $blocks[$i]->{text})
	{
		is(masked($got), masked($blocks[$i]->{text}), "block $i: $first");
	}
	else
	{
		unlike($got, qr/^(ERROR|FATAL):/m, "block $i runs: $first");
	}
}

# The plain blocks: by whom, and what is filled in.
sub value { my ($sql, $user) = @_; return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $user ]) =~ s/\A\s+//r }
$node->safe_psql('postgres', q{SELECT casus.set_subject_column('zaken.betrokkene', 'naam', 'ondermijning');
	SELECT casus.set_parameter(name, 'bewaartermijn_logboek', '60') FROM casus.file});
# Nothing is purged before the loader has looked into every database for the terms there.
ok(CasusTest::wait_until(sub { $node->psql('postgres', 'SELECT FROM casus.purge_log()', extra_params => [ '-U', 'fred' ]) == 0 }), 'terms are set');
my %there = (
	q{2026-03-01} => value('SELECT current_date - 1', 'fred'),
	q{2026-04-01} => value('SELECT clock_timestamp()', 'fred'),
	q{'123456782'} => q{'naam 2'},
	q{42} => value(q{BEGIN; SELECT FROM casus.enter('intake'); SELECT casus.dossier_of('zaken.zaak', '2'); COMMIT}, 'carla'),
	q{SELECT ... ;} => 'SELECT titel FROM zaken.zaak;',
	q{'J. Jansen'} => q{'Carla'},
	q{'{1204, 1377}'} => value(q{SELECT quote_literal(array_agg(seq)) FROM (SELECT seq FROM casus.access_log WHERE kind = 'read' ORDER BY seq LIMIT 2) r}, 'fred'),
	q{anchor => '...'} => value(q{SELECT 'anchor => ' || quote_literal(anchor) FROM casus.log_anchor()}, 'fred'),
	q{ host=standby2 ...'} => q{'});
my $made_up = join '|', map { quotemeta =~ s/^(\w)/\\b$1/r =~ s/(\w)$/$1\\b/r } keys %there;
my (@plain, $fence, $filled);
for (split /^/, $readme)
{
	if (!/^```/) { $plain[-1] .= $_ if defined $fence && $fence eq '' }
	elsif (defined $fence) { undef $fence }
	else { ($fence) = /^```(\w*)/; push @plain, '' if $fence eq '' }
}
my $statements = 0;
for my $sql (grep { /^(?:SELECT|BEGIN|CREATE|ALTER) / } map { s/\bBEGIN;/BEGIN ;/r } @plain)
{
	my $user = $sql =~ /casus\.enter/ ? 'carla' : $sql =~ /^(?:CREATE|ALTER)|break_glass\(/ ? 'postgres' : 'fred';
	$filled += $sql =~ s/($made_up)/$there{$1}/g;
	$statements += () = $sql =~ /;\s*(?:--.*)?$/mg;
	my $name = "$PostgreSQL::Test::Utils::tmp_check/plain_$statements.sql";
	append_to_file($name, $sql);
	my ($first) = $sql =~ /^(.*?;)/;
	unlike(qx{psql -X -q -h '$host' -p $port -U $user -d postgres -f '$name' 2>&1}, qr/(?:ERROR|FATAL|WARNING): .*/, "$user: $first and what follows");
}
cmp_ok($statements, '>', 20, 'statements of plain blocks');
cmp_ok($filled, '>=', keys %there, '... with what is filled in');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET casus.log_collect');

# The tables of settings and error codes are complete.
my @settings = split /\n/, $node->safe_psql('postgres',
	q{SELECT name FROM pg_settings WHERE name LIKE 'casus.%' ORDER BY 1});
ok($readme =~ qr/^\| `\Q$_\E`/m, "setting $_ is in the table") for @settings;

my %codes;
for my $source (glob "$ENV{CASUS_SRC}/extension/*.c")
{
	my $text = slurp_file($source);
	$codes{$1} = 1 while $text =~ /casus_(?:refuse|setup_error)\s*\((?:\s*\w+,)?\s*"(\w+)"/g;
	$codes{$1} = 1 while $text =~ /->code = "(\w+)"/g;
}
cmp_ok(scalar keys %codes, '>', 10, 'codes found in the sources');
ok($readme =~ qr/^\| `\Qcasus.$_\E`/m, "code casus.$_ is in the table") for sort keys %codes;

# Every function and view of schema casus that people call is named.
my @calls = split /\n/, $node->safe_psql('postgres', q{
	SELECT DISTINCT 'casus.' || proname FROM pg_proc WHERE pronamespace = 'casus'::regnamespace
		AND prorettype <> 'trigger'::regtype AND NOT EXISTS (SELECT FROM pg_type t
			WHERE pg_proc.oid IN (typinput, typoutput, typreceive, typsend))
		AND NOT EXISTS (SELECT FROM pg_operator o WHERE o.oprcode = pg_proc.oid)
		AND NOT EXISTS (SELECT FROM pg_amproc a WHERE a.amproc = pg_proc.oid)
	UNION SELECT 'casus.' || relname FROM pg_class
		WHERE relnamespace = 'casus'::regnamespace AND relkind = 'v'
	ORDER BY 1});
ok($readme =~ qr/\Q$_\E\b/, "$_ is named") for @calls;


# And nothing is named in its tables of calls that is not there.
my %known = map { $_ => 1 } @calls, 'casus.term';
my ($tables) = $readme =~ /^## Calls\n(.*?)^## /ms;
ok($known{$_}, "$_ exists") for sort keys %{ { map { $_ => 1 } $tables =~ /`(casus\.\w+)/g } };

$node->stop;
done_testing();
