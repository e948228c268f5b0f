# ratio.awk
#		Samples in, one line out: the ratio of the medians of two arms, with a
#		bootstrap interval (95 %, fixed seed), beside the goal.
#
# Input: lines "measure<TAB>arm<TAB>value".  Variables: measure, over, under
# (the arms), goal (text), scale (factor on the numerator, default 1).

BEGIN { FS = "\t"; srand(1); if (scale == "") scale = 1 }

$1 == measure && $2 == over { a[na++] = $3 * scale }
$1 == measure && $2 == under { b[nb++] = $3 }

function sorted(x, n,	i, j, v)
{
	for (i = 1; i < n; i++)
	{
		v = x[i]
		for (j = i - 1; j >= 0 && x[j] > v; j--)
			x[j + 1] = x[j]
		x[j + 1] = v
	}
}

function median(x, n,	z, i)
{
	for (i = 0; i < n; i++)
		z[i] = x[i]
	sorted(z, n)
	return n % 2 ? z[(n - 1) / 2] : (z[n / 2 - 1] + z[n / 2]) / 2
}

END {
	# Rounds are drawn, not samples: what slowed the machine slowed both arms of a round.
	n = na < nb ? na : nb
	if (n == 0)
	{
		printf "%-38s not measured   goal %s\n", label, goal
		exit
	}
	for (i = 0; i < 1000; i++)
	{
		for (j = 0; j < n; j++)
		{
			k = int(rand() * n)
			x[j] = a[k]
			y[j] = b[k]
		}
		r[i] = median(x, n) / median(y, n)
	}
	sorted(r, 1000)
	ma = median(a, n)
	mb = median(b, n)
	printf "%-38s %9.5g / %-9.5g = %6.3f  [%.3f, %.3f]  goal %s\n", \
		label, ma, mb, ma / mb, r[25], r[974], goal
}
