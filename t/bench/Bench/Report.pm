package Bench::Report;

# What was measured, as a table to read and as JSON to compare: every figure is the median of
# its runs, with the least and the greatest beside it, and the noise of the machine.

use strict;
use warnings;
use utf8;

use Digest::SHA qw(sha256);
use JSON::PP;
use POSIX qw(uname);
use Time::HiRes qw(sleep time);

sub new {
    my ($class, %settings) = @_;
    return bless {
        figures  => {},
        order    => [],
        lines    => [],
        runs     => [],
        noise    => [],
        faults   => [],
        settings => \%settings,
    }, $class;
}

# --- Noise

# Busy and whole time of all cores, in ticks.
sub cpu_ticks {
    open my $file, '<', '/proc/stat' or return (0, 0, 0);
    my (undef, @ticks) = split ' ', scalar <$file>;
    my $all = 0;
    $all += $_ for @ticks[0 .. 7];
    return ($all - $ticks[3] - $ticks[4], $all, $ticks[7]);
}

# Before a run, with the servers up and idle: the share of the machine that others use, and how
# fast a fixed piece of work is on one core.
sub listen_to_noise {
    my ($self) = @_;
    my ($busy, $all, $stolen) = cpu_ticks();
    sleep 0.3;
    my ($busy_after, $all_after, $stolen_after) = cpu_ticks();
    my $block = 'x' x 1_000_000;
    my $start = time;
    sha256($block) for 1 .. 20;
    my $ticks = $all_after - $all || 1;
    my $noise = {
        others    => ($busy_after - $busy) / $ticks,
        stolen    => ($stolen_after - $stolen) / $ticks,
        sha256_mb => 20 / (time - $start),
    };
    push @{ $self->{noise} }, $noise;
    return $noise;
}

# --- Figures

# One run's value of a figure.
sub add {
    my ($self, $name, $unit, $value) = @_;
    if (!$self->{figures}{$name}) {
        $self->{figures}{$name} = { unit => $unit, values => [] };
        push @{ $self->{order} }, $name;
    }
    push @{ $self->{figures}{$name}{values} }, $value;
    return;
}

sub keep_run {
    my ($self, $what, $result, $noise) = @_;
    push @{ $self->{runs} }, { what => $what, result => $result, noise => $noise };
    return;
}

# A run that lost something measured nothing.
sub fault {
    my ($self, $text) = @_;
    push @{ $self->{faults} }, $text;
    print STDERR "bench: $text\n";
    return;
}

sub faults { return @{ $_[0]{faults} } }

sub median {
    my @sorted = sort { $a <=> $b } @_ or return undef;
    my $middle = int(@sorted / 2);
    return @sorted % 2 ? $sorted[$middle] : ($sorted[$middle - 1] + $sorted[$middle]) / 2;
}

sub value {
    my ($self, $name) = @_;
    my $figure = $self->{figures}{$name} or return undef;
    return median(@{ $figure->{values} });
}

# Of greatest and least of the runs, in parts of the median.
sub spread {
    my ($self, $name) = @_;
    my @values = sort { $a <=> $b } @{ $self->{figures}{$name}{values} };
    my $median = median(@values) or return 0;
    return ($values[-1] - $values[0]) / $median;
}

# --- The table

# A line: the figure of ours, beside the figure of another (if there is one), and the target:
# "… of ANOTHER" bounds their ratio, anything else the figure itself.
sub line {
    my ($self, %line) = @_;
    my $ours = $self->value($line{ours});
    return if !defined $ours;
    my $other = defined $line{other} ? $self->value($line{other}) : undef;
    $line{ratio} = $ours / $other if $other;
    my ($relation, $bound, $of) = ($line{target} // '') =~ /^(>=|<=|<) *([\d.]+)( of )?/;
    my $judged = $of ? $line{ratio} : $ours;
    if ($relation && defined $judged) {
        $line{met} = $relation eq '>=' ? $judged >= $bound : $relation eq '<=' ? $judged <= $bound : $judged < $bound;
    }
    push @{ $self->{lines} }, \%line;
    return;
}

sub number {
    my ($value) = @_;
    return '-' if !defined $value;
    my $text = sprintf $value >= 100 ? '%.0f' : $value >= 10 ? '%.1f' : '%.2f', $value;
    1 while $text =~ s/^(\d+)(\d{3})/$1,$2/;
    return $text;
}

sub cell {
    my ($self, $name) = @_;
    return '' if !defined $name || !defined $self->value($name);
    my @values = sort { $a <=> $b } @{ $self->{figures}{$name}{values} };
    my $median = number($self->value($name));
    return @values == 1 ? $median : sprintf '%s (%s–%s)', $median, number($values[0]), number($values[-1]);
}

sub table {
    my ($self) = @_;
    my @rows = (['', 'unit', 'ours', 'other', '', 'ratio', 'target', '']);
    for my $line (@{ $self->{lines} }) {
        push @rows, [
            $line->{title}, $self->{figures}{ $line->{ours} }{unit}, $self->cell($line->{ours}),
            $self->cell($line->{other}), $line->{than} // '',
            defined $line->{ratio} ? sprintf('%.2f', $line->{ratio}) : '',
            $line->{target} // '', !defined $line->{met} ? '' : $line->{met} ? 'met' : 'MISSED',
        ];
    }
    my @width = (0) x 8;
    for my $row (@rows) {
        for my $i (0 .. $#$row) {
            my $length = length($row->[$i]);
            $width[$i] = $length if $length > $width[$i];
        }
    }
    my $text = '';
    for my $row (@rows) {
        my @cells = map {
            my $pad = ' ' x ($width[$_] - length $row->[$_]);
            $_ == 2 || $_ == 3 || $_ == 5 ? $pad . $row->[$_] : $row->[$_] . $pad;
        } 0 .. $#$row;
        my $line = join '  ', @cells;
        $text .= $line =~ s/ +$//r . "\n";
    }
    return $text;
}

sub noise_line {
    my ($self) = @_;
    my @noise = @{ $self->{noise} } or return '';
    my @speed = sort { $a <=> $b } map { $_->{sha256_mb} } @noise;
    my @others = sort { $a <=> $b } map { $_->{others} } @noise;
    my @stolen = sort { $a <=> $b } map { $_->{stolen} } @noise;
    return sprintf "noise before the runs: others used %.0f%% of the machine (at most %.0f%%), stolen at most %.0f%%,"
        . " one core's speed between %.0f%% and %.0f%% of its median\n",
        100 * median(@others), 100 * $others[-1], 100 * $stolen[-1],
        100 * $speed[0] / median(@speed), 100 * $speed[-1] / median(@speed);
}

# --- JSON

sub output {
    my (@command) = @_;
    open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or return undef;
    my $line = <$pipe>;
    close $pipe;
    chomp $line if defined $line;
    return $line;
}

sub versions {
    my ($cpu) = map { /^model name\s*: (.*)/ ? $1 : () } do {
        open my $file, '<', '/proc/cpuinfo' or die "cpuinfo: $!";
        <$file>;
    };
    my ($system, undef, $release) = uname();
    return {
        nginx  => output('/usr/sbin/nginx', '-v'),
        redis  => output('/usr/bin/redis-server', '--version'),
        nchan  => output('dpkg-query', '-W', '-f', '${Version}', 'libnginx-mod-nchan'),
        sqlite => output('dpkg-query', '-W', '-f', '${Version}', 'libsqlite3-0'),
        cpu    => $cpu,
        cores  => 0 + (output('nproc') // 0),
        kernel => "$system $release",
    };
}

sub json {
    my ($self) = @_;
    my %figures = map {
        $_ => {
            %{ $self->{figures}{$_} },
            median => $self->value($_),
            spread => $self->spread($_),
        }
    } @{ $self->{order} };
    my @lines = map {
        my %line = %$_;
        $line{met} = $line{met} ? JSON::PP::true : JSON::PP::false if defined $line{met};
        \%line;
    } @{ $self->{lines} };
    return JSON::PP->new->utf8->canonical->pretty->encode({
        at       => time,
        settings => $self->{settings},
        versions => versions(),
        figures  => \%figures,
        lines    => \@lines,
        faults   => $self->{faults},
        noise    => $self->{noise},
        runs     => $self->{runs},
    });
}

1;
