using System.Reflection;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.Runtime;
using TorchSharp;

namespace Microsoft.ML.PTuning.Tests.Interop;

[TestClass]
public class HostEnvironmentTests
{
    [TestMethod]
    public void Seed_is_the_contexts()
    {
        Assert.AreEqual(7, HostEnvironment.SeedOf(new MLContext(7)));
        Assert.IsNull(HostEnvironment.SeedOf(new MLContext()));
    }

    [TestMethod]
    public void Folder_of_the_backbone_is_an_option_of_the_context()
    {
        var mlContext = new MLContext();
        Assert.IsNull(HostEnvironment.BackboneDirectoryOf(mlContext));

        mlContext.SetOption("PTuning.BackboneDirectory", "somewhere");
        Assert.AreEqual("somewhere", HostEnvironment.BackboneDirectoryOf(mlContext));

        mlContext.SetPTuningBackboneDirectory("elsewhere");
        Assert.AreEqual("elsewhere", HostEnvironment.BackboneDirectoryOf(mlContext));
    }

    [TestMethod]
    public void Precision_is_read_from_the_contexts_option_and_F32_without_one()
    {
        var mlContext = new MLContext();
        Assert.AreEqual(BackbonePrecision.Float32, HostEnvironment.PrecisionOf(mlContext));

        mlContext.SetOption("PTuning.Precision", "BFloat16");
        Assert.AreEqual(BackbonePrecision.BFloat16, HostEnvironment.PrecisionOf(mlContext));

        mlContext.SetPTuningPrecision(BackbonePrecision.Float16);
        Assert.AreEqual(BackbonePrecision.Float16, HostEnvironment.PrecisionOf(mlContext));
    }

    [TestMethod]
    public void Nothing_in_place_of_a_folder_or_a_precision_is_refused()
    {
        var mlContext = new MLContext();

        Assert.Throws<ArgumentException>(() => mlContext.SetPTuningBackboneDirectory(""));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => mlContext.SetPTuningPrecision((BackbonePrecision)7));
        Assert.ThrowsExactly<ArgumentNullException>(() => ((MLContext)null!).SetPTuningPrecision(BackbonePrecision.Float32));
    }

    [TestMethod]
    [DataRow("bf16")]
    [DataRow("17")]
    public void Precision_that_is_none_is_refused(string name)
    {
        var mlContext = new MLContext();
        mlContext.SetOption("PTuning.Precision", name);

        var refusal = Assert.ThrowsExactly<ArgumentException>(() => HostEnvironment.PrecisionOf(mlContext));

        Assert.Contains($"is '{name}', expected one of Float32, BFloat16, Float16", refusal.Message);
    }

    [TestMethod]
    public void Without_a_GPU_asked_for_the_CPU_computes() =>
        Assert.AreEqual(DeviceType.CPU, HostEnvironment.DeviceOf(new MLContext(), null, null, _ => Assert.Fail("No line expected.")).type);

    [TestMethod]
    public void GPU_that_is_not_there_is_refused_where_the_CPU_is_not_allowed()
    {
        var refusal = Assert.ThrowsExactly<InvalidOperationException>(
            () => HostEnvironment.DeviceOf(new MLContext { GpuDeviceId = 99, FallbackToCpu = false }, null, null, _ => { }));

        Assert.Contains("GPU 99 was asked for, but", refusal.Message);
        Assert.Contains("Set FallbackToCpu to compute on the CPU instead", refusal.Message);
    }

    [TestMethod]
    public void GPU_that_is_not_there_becomes_the_CPU_with_a_warning_where_that_is_allowed()
    {
        var lines = new List<string>();

        var device = HostEnvironment.DeviceOf(new MLContext { GpuDeviceId = 99, FallbackToCpu = true }, null, null, lines.Add);

        Assert.AreEqual(DeviceType.CPU, device.type);
        Assert.Contains("Computing on the CPU.", lines.Single());
    }

    [TestMethod]
    public void Options_of_the_trainer_come_before_the_contexts()
    {
        var allowed = new MLContext { GpuDeviceId = null, FallbackToCpu = true };

        Assert.ThrowsExactly<InvalidOperationException>(() => HostEnvironment.DeviceOf(allowed, 99, false, _ => { }));
    }

    [TestMethod]
    public void Fallback_is_told_in_the_contexts_log()
    {
        using var model = new TinyModel();
        var mlContext = new MLContext { GpuDeviceId = 99, FallbackToCpu = true };
        var lines = new List<string>();
        mlContext.Log += (_, e) => lines.Add($"{e.Kind}: {e.RawMessage}");

        using var loaded = PTuningV2Transformer.LoadFrom(mlContext, new MemoryStream(model.Save()));

        Assert.IsTrue(lines.Any(line => line.StartsWith("Warning: GPU 99 was asked for", StringComparison.Ordinal)), string.Join('\n', lines));
    }

    [TestMethod]
    public void Loading_onto_a_GPU_that_is_not_there_is_refused()
    {
        using var model = new TinyModel();
        var mlContext = new MLContext { GpuDeviceId = 99, FallbackToCpu = false };

        Assert.ThrowsExactly<InvalidOperationException>(() => PTuningV2Transformer.LoadFrom(mlContext, new MemoryStream(model.Save())));
    }

    [TestMethod]
    public void Work_of_a_context_that_goes_on_is_not_cancelled() =>
        HostEnvironment.CheckCancelled(((IHostEnvironment)new MLContext()).Register("test"));

    [TestMethod]
    public void Work_of_a_cancelled_context_is_cancelled()
    {
        var mlContext = new MLContext();
        var host = ((IHostEnvironment)mlContext).Register("test");

        typeof(MLContext).GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic)!.Invoke(mlContext, null);

        Assert.ThrowsExactly<OperationCanceledException>(() => HostEnvironment.CheckCancelled(host));
    }
}
