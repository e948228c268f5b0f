# The README does what it says: its ```sql blocks run in order in one psql
# session in a fresh database, and where a ```text block follows, that is what
# came out.  A block without such a text must run without an error.
# The settings and error codes that it lists are those of the library.
use strict;
use warnings;

use Test::More;
use CasusTest;
use PostgreSQL::Test::Utils;

my $node = CasusTest::start('main', no_extension => 1);
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
