#!/usr/bin/perl

# The unit tests (Check): their binary speaks TAP itself. The contract of the stores is among
# them, on MongoDB too where MESSAGING_TEST_MONGODB names a server.

use strict;
use warnings;

my $build = $ENV{TEST_BUILD} || 'build/test';
$ENV{CK_TAP_LOG_FILE_NAME} = '-';
exec "$build/unit" or die "$build/unit: $!\n";
