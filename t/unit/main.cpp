// Runs every suite, each test in a process of its own, and reports in TAP, so that
// `prove` can run this program beside the tests of the whole system.
#include <cstdlib>

#include "t/unit/suites.hpp"

int main() {
    // Check would add a summary that is no TAP; CK_SILENT leaves TAP alone on stdout.
    setenv("CK_TAP_LOG_FILE_NAME", "-", 1);

    SRunner* runner = srunner_create(nullptr);
#define ADD_SUITE(name) srunner_add_suite(runner, messaging::unit::name##Suite());
    MESSAGING_SUITES(ADD_SUITE)
#undef ADD_SUITE
    srunner_run_all(runner, CK_SILENT);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
