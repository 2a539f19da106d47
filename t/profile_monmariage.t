#!/usr/bin/perl

# monmariage: clients write to partners from their storefronts, in the site's own words.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Test::Messaging::Venues;

venues('monmariage')->finish;
