using Microsoft.ML.PTuning.Interop;

namespace Microsoft.ML.PTuning.Tests;

[TestClass]
public static class TestAssembly
{
    [AssemblyInitialize]
    public static void Load_the_native_libraries(TestContext _) => TorchNative.EnsureLoaded();

    [AssemblyCleanup]
    public static void Delete_what_tests_share() => AspNetCore.ServedModels.DisposeShared();
}
