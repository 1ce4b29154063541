using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tests.Training;

/// <summary>Steps of a task over a tiny encoder.</summary>
internal static class TinyOptimizer
{
    /// <summary>Begins with the same values every time; trains in F64 over an encoder in F64.</summary>
    public static PromptOptimizer Of(PromptTask task, Backbone backbone, TuningMethod method, TrainingSettings settings)
    {
        using var generator = new Generator(3);
        var type = backbone.ElementType == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        Initializer weight = shape => Initializers.Normal(generator, deviation: 0.5)(shape).to(type);
        var encoder = method.Adapt(backbone);
        var parameters = method.Create(backbone, new FirstValues(weight, weight, ProjectionSize: settings.ProjectionSize));
        var head = task.Head.Declare(backbone).ToDictionary(t => t.Name, t => weight(t.Shape));
        return new PromptOptimizer(settings, parameters, [new LearnedTask(task, new PromptNetwork(encoder, task.Head), head)], padId: 0, CPU);
    }
}
