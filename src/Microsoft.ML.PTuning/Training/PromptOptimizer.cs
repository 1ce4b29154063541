using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Backbones.Layers;
using Microsoft.ML.PTuning.Compute;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using Microsoft.ML.PTuning.Training.Distributed;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training;

/// <summary>A task to learn: its network and its head's parameters.</summary>
internal sealed record LearnedTask(PromptTask Task, PromptNetwork Network, IReadOnlyDictionary<string, Tensor> Head);

/// <summary>
/// The parameters of a method and of the heads that share them, and the steps that change them: AdamW with clipped gradients (Loshchilov &amp; Hutter 2019).
/// </summary>
/// <remarks>
/// The method's values are computed once per step. Each shard of the batch has leaves of its own and computes its gradients in micro-batches. The
/// gradients are summed in a fixed order, so the bits depend on the seed and the number of shards, not on the threads.
/// </remarks>
internal sealed class PromptOptimizer : IDisposable
{
    private readonly TrainingSettings _settings;
    private readonly int _padId;
    private readonly Device _device;
    private readonly ITrunkCache? _trunk;
    private readonly RemoteShards? _remote;
    private readonly MethodParameters _method;
    private readonly IReadOnlyList<LearnedTask> _tasks;
    private readonly AdamW _methodOptimizer;
    private readonly AdamW[] _headOptimizers; // One per task; it steps only when its task does.
    private readonly Generator[] _generators;
    private readonly TrainingDropout[] _dropout;
    private readonly LossScale? _lossScale;

    /// <param name="method">What the method trains. The optimizer takes over these parameters and those of the heads.</param>
    /// <param name="tasks">Usually one; in multi-task learning all that share the method's parameters.</param>
    /// <param name="trunk">The cached output of the layers that the method does not change, for all rows; null to compute it.</param>
    /// <param name="remote">Computes the shards elsewhere; null to compute them here.</param>
    public PromptOptimizer(
        TrainingSettings settings, MethodParameters method, IReadOnlyList<LearnedTask> tasks, int padId, Device device, ITrunkCache? trunk = null,
        RemoteShards? remote = null)
    {
        (_settings, _method, _tasks, _padId, _device, _trunk, _remote) = (settings, method, tasks, padId, device, trunk, remote);
        Parameters = [.. method.Parameters, .. tasks.SelectMany(t => t.Head.Values)];
        foreach (var parameter in Parameters)
            parameter.requires_grad_().DetachFromDisposeScope();
        _methodOptimizer = new AdamW([.. method.Parameters], settings.WeightDecay);
        _headOptimizers = [.. tasks.Select(t => new AdamW([.. t.Head.Values], settings.WeightDecay))];
        _lossScale = LossScale.For(tasks[0].Network.Encoder.Backbone.ElementType);
        _generators = [.. Enumerable.Range(0, settings.Shards).Select(shard => settings.Random.Generator(RandomStream.Dropout, shard))];
        _dropout = [.. _generators.Select(generator => ShardGradients.DropoutOf(settings, generator))];
    }

    /// <summary>All trained parameters.</summary>
    public IReadOnlyList<Tensor> Parameters { get; }

    /// <summary>Everything that changes from step to step. The tensors are those that steps change.</summary>
    public OptimizerState State => new(
        [.. Optimizers.SelectMany(optimizer => optimizer.State)],
        [.. Optimizers.Select(optimizer => optimizer.Steps)],
        _lossScale?.Factor,
        [.. _generators.Select(RandomStreams.StateOf)],
        Search);

    /// <summary>Where a search for words stands; empty where nothing is searched for.</summary>
    public IReadOnlyList<int> Search
    {
        get => (_method as SearchedParameters)?.State ?? [];
        private set
        {
            if (_method is SearchedParameters search)
                search.State = value;
        }
    }

    private IEnumerable<AdamW> Optimizers => [_methodOptimizer, .. _headOptimizers];

    /// <summary>How many numbers are trained for a task: those of the method and of its head.</summary>
    public long CountParameters(int task) => _methodOptimizer.Parameters.Concat(_headOptimizers[task].Parameters).Sum(p => p.numel());

    /// <summary>The current values of the method and of a task's head. Values that are parameters share their storage.</summary>
    /// <param name="task">Which of the tasks.</param>
    public TrainedTensors Current(int task = 0)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        return Assemble(_tasks[task], _method.Values());
    }

    /// <summary>Whether the parameters, and the values computed from them, are finite.</summary>
    public bool IsFinite()
    {
        using var scope = NewDisposeScope();
        return Enumerable.Range(0, _tasks.Count).All(task =>
        {
            using var current = Current(task);
            return current.All(tensor => tensor.Value.isfinite().all().item<bool>());
        });
    }

    /// <summary>Goes on from a state of an optimiser like this one.</summary>
    public void Restore(OptimizerState state)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        foreach (var (own, saved) in Optimizers.SelectMany(optimizer => optimizer.State).Zip(state.Tensors))
            own.copy_(saved);
        foreach (var (optimizer, steps) in Optimizers.Zip(state.Steps))
            optimizer.Steps = steps;
        if (_lossScale is not null && state.LossScale is { } factor)
            _lossScale.Factor = factor;
        foreach (var (generator, bytes) in _generators.Zip(state.Generators))
            generator.set_state(tensor(bytes));
        Search = state.Search;
    }

    /// <summary>The present values of <see cref="Parameters"/>, which the caller disposes.</summary>
    public Tensor[] CopyParameters()
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        return [.. Parameters.Select(parameter => parameter.detach().clone().DetachFromDisposeScope())];
    }

    /// <summary>Begins anew from other values of the parameters.</summary>
    /// <param name="parameters">As <see cref="CopyParameters"/> gave them.</param>
    /// <param name="search">As <see cref="Search"/> was then.</param>
    public void Reset(IReadOnlyList<Tensor> parameters, IReadOnlyList<int> search)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        foreach (var optimizer in Optimizers)
            optimizer.Forget();
        foreach (var (own, value) in Parameters.Zip(parameters))
            own.copy_(value);
        Search = search;
    }

    /// <summary>Makes a step and waits for it.</summary>
    /// <inheritdoc cref="Start"/>
    public StepResult Step(IReadOnlyList<ExamplePart> batch, double learningRate, int task = 0)
    {
        using var started = Start(batch, learningRate, task);
        return started.Read();
    }

    /// <summary>Starts a step. The CPU has finished it when this returns; a GPU may still compute.</summary>
    /// <param name="batch">The parts to learn from, longest first: shards and micro-batches then have little padding.</param>
    /// <param name="task">The task of the batch; the other tasks' heads do not change.</param>
    public StartedStep Start(IReadOnlyList<ExamplePart> batch, double learningRate, int task = 0)
    {
        using var scope = NewDisposeScope();
        AdamW[] stepping = [_methodOptimizer, _headOptimizers[task]];
        foreach (var optimizer in stepping)
            optimizer.ClearGradients();

        (_method as SearchedParameters)?.Choose(tried => MeanLoss(_tasks[task], batch, tried));
        var values = _method.Values();
        using var current = Assemble(_tasks[task], values);
        var shards = BatchPlanner.Split([.. batch.Select(p => p.Tokens)], _settings.Shards);
        var leaves = shards.Select(_ => current.ToLeaves()).ToArray();
        var started = new StartedStep(shards.Count);
        try
        {
            Differentiate(task, batch, shards, current, leaves, started);
            if (_lossScale?.TryUnscale(leaves) == false)
                return started;
            AssignGradients(_tasks[task].Head, leaves, values);
            if (_settings.MaxGradientNorm > 0)
                AdamW.ClipGradients(stepping.SelectMany(o => o.Parameters), _settings.MaxGradientNorm);
            else if (_settings.MaxRescues > 0)
                started.GradientNorm = AdamW.NormOfGradients(stepping.SelectMany(o => o.Parameters))?.DetachFromDisposeScope();
            foreach (var optimizer in stepping)
                optimizer.Step(learningRate);
            return started;
        }
        catch
        {
            started.Dispose();
            throw;
        }
        finally
        {
            foreach (var leaf in leaves)
                leaf.Dispose();
        }
    }

    public void Dispose()
    {
        _methodOptimizer.Dispose();
        foreach (var optimizer in _headOptimizers)
            optimizer.Dispose();
        _method.Dispose();
        foreach (var parameter in _tasks.SelectMany(t => t.Head.Values))
            parameter.Dispose();
        foreach (var generator in _generators)
            generator.Dispose();
    }

    private static TrainedTensors Assemble(LearnedTask task, IReadOnlyDictionary<string, Tensor> method)
    {
        var tensors = new TrainedTensors();
        foreach (var (name, value) in method)
            tensors.Add(name, value.detach());
        foreach (var (name, parameter) in task.Head)
            tensors.Add(name, parameter.detach());
        return tensors;
    }

    private void Differentiate(
        int task, IReadOnlyList<ExamplePart> batch, IReadOnlyList<Range> shards, TrainedTensors current, TrainedTensors[] leaves, StartedStep started)
    {
        var gradients = GradientsOf(_tasks[task]);
        var weight = Math.Max(1, _tasks[task].Task.LossWeight(batch));
        ExamplePart[][] parts = [.. shards.Select(shard => batch.Take(shard).ToArray())];
        if (_remote is not null)
            _remote.Differentiate(gradients, task, parts, current, leaves, _generators, weight, _lossScale?.Factor, started);
        else if (_device.type != DeviceType.CPU)
            Run(0);
        else
            WorkerThreads.Shared.Run(shards.Count, Run);

        void Run(int shard)
        {
            foreach (var outputs in gradients.Compute(parts[shard], leaves[shard], _dropout[shard], weight, _lossScale))
                started.Keep(shard, outputs);
        }
    }

    private ShardGradients GradientsOf(LearnedTask learned) => new(learned.Task, learned.Network, _settings, _padId, _device, _trunk);

    /// <summary>The loss of some values of the method, without dropout.</summary>
    private double MeanLoss(LearnedTask learned, IReadOnlyList<ExamplePart> batch, IReadOnlyDictionary<string, Tensor> method)
    {
        using var tensors = Assemble(learned, method);
        ExamplePart[][] microBatches = [.. GradientsOf(learned).MicroBatches([.. batch])];
        var losses = new double[microBatches.Length];
        if (_device.type != DeviceType.CPU)
            Run(0);
        else
            WorkerThreads.Shared.Run(microBatches.Length, Run);
        return losses.Sum() / Math.Max(1, learned.Task.LossWeight(batch));

        void Run(int index)
        {
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            var parts = microBatches[index];
            var encoded = EncodedRow.Collate([.. parts.SelectMany(p => p.Sequences)], _padId, _device, _settings.PadToLength)
                with { BetweenLayers = WorkerThreads.RunUrgent };
            losses[index] = learned.Task.Loss(learned.Network.Forward(encoded, tensors), parts).to(ScalarType.Float64).item<double>();
        }
    }

    private void AssignGradients(
        IReadOnlyDictionary<string, Tensor> head, TrainedTensors[] leaves, IReadOnlyDictionary<string, Tensor> values)
    {
        var method = new List<(string Name, Tensor Value, Tensor Gradient)>();
        foreach (var name in leaves[0].Names)
        {
            // No gradient: no shard read the tensor. Without a sentence token's head, that is the encoder's pooler.
            Tensor[] gradients = [.. leaves.Select(leaf => leaf[name].grad).OfType<Tensor>()];
            if (gradients is not [var sum, .. var others])
                continue;

            using (no_grad())
                foreach (var other in others)
                    sum.AddInPlace(other);

            if (values.TryGetValue(name, out var value))
                method.Add((name, value, sum));
            else
                head[name].grad = sum;
        }
        if (_method is SearchedParameters search)
            search.Propose(method.ToDictionary(m => m.Name, m => m.Gradient));
        else if (method.Count > 0)
            autograd.backward([.. method.Select(m => m.Value)], [.. method.Select(m => m.Gradient)]);
    }
}

/// <summary>Everything that the steps of an optimiser change.</summary>
/// <param name="Tensors">Of the method and then of each task's head: parameters, means and mean squares of their gradients.</param>
/// <param name="Steps">Steps of the method and of each head.</param>
/// <param name="LossScale">Null where none is used.</param>
/// <param name="Generators">The states of dropout's generators, one per shard.</param>
/// <param name="Search">Where a search for words stands; empty where nothing is searched for.</param>
internal sealed record OptimizerState(
    IReadOnlyList<Tensor> Tensors, IReadOnlyList<int> Steps, double? LossScale, IReadOnlyList<byte[]> Generators, IReadOnlyList<int> Search);

/// <summary>The result of a step.</summary>
/// <param name="Loss">Mean loss over the batch.</param>
/// <param name="Outputs">The head's numbers of each part, in the batch's order.</param>
/// <param name="GradientNorm">Null where nobody needs to know: clipped gradients have no large one.</param>
internal sealed record StepResult(double Loss, IReadOnlyList<float[]> Outputs, double? GradientNorm = null);

/// <summary>A step that has been started. The CPU has finished it; a GPU may still compute until it is read.</summary>
/// <param name="shards">How many shards its batch has.</param>
internal sealed class StartedStep(int shards) : IDisposable
{
    private readonly List<BatchOutputs>[] _shards = [.. Enumerable.Range(0, shards).Select(_ => new List<BatchOutputs>())];

    /// <summary>The norm of all gradients; null where nobody needs to know. Disposed with the step.</summary>
    public Tensor? GradientNorm { get; set; }

    private IEnumerable<BatchOutputs> MicroBatches => _shards.SelectMany(shard => shard);

    /// <summary>Takes over the outputs of a shard's next micro-batch. Safe for any number of threads, one per shard.</summary>
    public void Keep(int shard, BatchOutputs outputs) => _shards[shard].Add(outputs);

    /// <summary>Waits for the step's end.</summary>
    public StepResult Read() =>
        new(MicroBatches.Sum(m => m.ReadLoss()), [.. MicroBatches.SelectMany(m => m.ReadByPart())], GradientNorm?.item<double>());

    public void Dispose()
    {
        GradientNorm?.Dispose();
        foreach (var microBatch in MicroBatches)
            microBatch.Dispose();
    }
}
