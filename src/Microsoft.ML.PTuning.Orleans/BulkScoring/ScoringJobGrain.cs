using Microsoft.Extensions.Logging;
using Microsoft.ML.PTuning.Orleans.Models;
using Microsoft.ML.PTuning.Orleans.Placement;
using Microsoft.ML.PTuning.RowFiles;

namespace Microsoft.ML.PTuning.Orleans.BulkScoring;

/// <remarks>
/// A timer looks after the job: it plans, fills the silos' free slots, and merges. Where the silo dies, a reminder activates the grain on another one. Two
/// activations at a time, while silos disagree about who is alive, do the same work twice but write the same files.
/// </remarks>
[GrainType("ptuning-scoring-job")]
internal sealed class ScoringJobGrain(
    PTuningSiloOptions options, SiloModels models, IClusterMembershipService membership, IGrainFactory grains, ILogger<ScoringJobGrain> logger)
    : Grain, IScoringJobGrain, IRemindable
{
    private const string Reminder = "job";
    private const int MostTries = 3;

    private static readonly TimeSpan s_wake = TimeSpan.FromMinutes(1); // The least that Orleans allows.
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);

    private readonly SiloSlots _slots = new();
    private readonly RangeQueue _ranges = new();
    private JobFolder _folder = null!;
    private JobRecord? _record;
    private JobPlan? _plan;
    private IGrainTimer? _timer;
    private CancellationTokenSource _stop = new();
    private int _runs; // How often the job was begun or resumed here.
    private bool _isMerging;
    private bool _hasLeft;

    private string Id => this.GetPrimaryKeyString();

    private JobRecord Record => _record ?? throw new KeyNotFoundException($"There is no job '{Id}' in {options.JobsDirectory}.");

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var jobs = options.JobsDirectory
            ?? throw new InvalidOperationException("The silos score no files: their options have no JobsDirectory. Name a folder that all of them see.");
        _folder = new JobFolder(jobs, Id);
        _record = _folder.ReadRecord();
        _plan = _folder.ReadPlan();
        if (_plan is not null)
            _ranges.Load(_record!.Job.OutputDirectory, _plan);
        if (_record?.State == ScoringState.Running)
            Look();
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        // Ranges under way go on: the next activation asks for them, too.
        _hasLeft = true;
        _timer?.Dispose();
        return Task.CompletedTask;
    }

    public async Task StartAsync(ScoringJob job)
    {
        if (_record is not null)
        {
            RequireSame(job);
            return;
        }

        try
        {
            await Task.Run(() => JobPlanner.Check(job, models));
        }
        catch (DataException refused)
        {
            throw Refused.ForCallers(refused);
        }

        Directory.CreateDirectory(job.OutputDirectory);
        await GoOnAsync(new JobRecord(job, ScoringState.Running));
    }

    public Task<ScoringProgress> GetProgressAsync() => Task.FromResult(new ScoringProgress
    {
        Id = Id,
        State = Record.State != ScoringState.Running ? Record.State
            : _plan is null ? ScoringState.Planning
            : _isMerging ? ScoringState.Merging
            : ScoringState.Running,
        RangesDone = Record.State == ScoringState.Completed ? _ranges.Count : _ranges.DoneCount,
        Ranges = _ranges.Count,
        RowsDone = Record.State == ScoringState.Completed ? _ranges.Rows : _ranges.RowsDone,
        Rows = _ranges.Rows,
        BrokenRows = Record.State == ScoringState.Completed ? Record.BrokenRows : _ranges.BrokenRows,
        BrokenRowsFile = Record.BrokenRows > 0 ? JobFolder.AllBrokenFile(Record.Job.OutputDirectory) : null,
        Error = Record.Error,
    });

    public Task PauseAsync() => Record.State switch
    {
        ScoringState.Running => EndAsync(Record with { State = ScoringState.Paused }),
        ScoringState.Paused => Task.CompletedTask,
        _ => throw Ended("paused"),
    };

    public Task ResumeAsync() => Record.State switch
    {
        ScoringState.Paused or ScoringState.Failed => GoOnAsync(Record with { State = ScoringState.Running, Error = null }),
        ScoringState.Running => Task.CompletedTask,
        _ => throw Ended("resumed"),
    };

    public async Task CancelAsync()
    {
        if (Record.State is ScoringState.Cancelled)
            return;
        if (Record.State is ScoringState.Completed)
            throw Ended("cancelled");
        await EndAsync(Record with { State = ScoringState.Cancelled });
        await _stop.CancelAsync();
    }

    /// <summary>Activating the grain is what the reminder is for.</summary>
    public async Task ReceiveReminder(string reminderName, TickStatus status)
    {
        if (_record?.State != ScoringState.Running)
            await ForgetReminderAsync();
    }

    private InvalidOperationException Ended(string what) => new($"The job '{Id}' cannot be {what}: it is {Record.State}.");

    private void RequireSame(ScoringJob job)
    {
        if (JobFolder.Text(job with { Id = null }) != JobFolder.Text(Record.Job with { Id = null }))
            throw new InvalidOperationException($"There is another job '{Id}' in {options.JobsDirectory}. Give this one another Id, or none.");
    }

    // First the reminder, then the file: a job that is written goes on, whatever happens.
    private async Task GoOnAsync(JobRecord record)
    {
        await this.RegisterOrUpdateReminder(Reminder, s_wake, s_wake);
        _runs++;
        Write(record);
        _ranges.ForgetFailures();
        if (_stop.IsCancellationRequested)
            _stop = new CancellationTokenSource();
        Look();
    }

    private async Task EndAsync(JobRecord record)
    {
        Write(record);
        StopLooking();
        await ForgetReminderAsync();
    }

    private async Task ForgetReminderAsync()
    {
        try
        {
            if (await this.GetReminder(Reminder) is { } reminder)
                await this.UnregisterReminder(reminder);
        }
        catch (Exception e)
        {
            logger.LogWarning(e, "The reminder of the job {Job} is forgotten when it comes next.", Id);
        }
    }

    private void Write(JobRecord record)
    {
        _folder.Write(record);
        _record = record;
    }

    private void Look() =>
        _timer ??= this.RegisterGrainTimer(LookAsync, new GrainTimerCreationOptions(TimeSpan.Zero, s_look) { Interleave = true, KeepAlive = true });

    // Another activation may have ended the job, and the file says so.
    private bool IsRunning()
    {
        if (_folder.ReadRecord() is { State: not ScoringState.Running } ended)
        {
            _record = ended;
            StopLooking();
        }

        return Record.State == ScoringState.Running;
    }

    private void StopLooking()
    {
        _timer?.Dispose();
        _timer = null;
    }

    private async Task LookAsync(CancellationToken deactivated)
    {
        try
        {
            if (!IsRunning())
                return;
            if (_plan is null)
                await PlanAsync(deactivated);
            Begin();
            if (_ranges.IsDone && IsRunning())
                await FinishAsync(deactivated);
        }
        catch (Exception) when (deactivated.IsCancellationRequested || _stop.IsCancellationRequested)
        {
            // Cancelled, or begun again where the grain is next.
        }
        catch (Exception e)
        {
            logger.LogError(e, "The job {Job} failed.", Id);
            await FailAsync(Refused.Find(e)?.Message ?? e.Message);
        }
    }

    private async Task PlanAsync(CancellationToken deactivated)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(deactivated, _stop.Token);
        var job = Record.Job;
        var plan = await Task.Run(() => JobPlanner.Plan(job, models, stop.Token), stop.Token);
        _folder.Write(plan);
        _ranges.Load(job.OutputDirectory, plan);
        _plan = plan;
    }

    private void Begin()
    {
        while (!_hasLeft && Record.State == ScoringState.Running && _ranges.HasWaiting && _slots.TryTake(ActiveSilos(), options.RangesPerSilo) is { } silo)
            ScoreAsync(_ranges.Take(), silo).Ignore();
    }

    private IEnumerable<SiloAddress> ActiveSilos() =>
        membership.CurrentSnapshot.Members.Values.Where(member => member.Status == SiloStatus.Active).Select(member => member.SiloAddress);

    private async Task ScoreAsync(int range, SiloAddress silo)
    {
        var run = _runs;
        var assignment = RangeAssignment.Of(Record.Job, _plan!, range);
        var grain = grains.GetGrain<IScoringRangeGrain>(FormattableString.Invariant($"{Id}/{range}"));
        RangeOutcome outcome;
        try
        {
            outcome = await SiloSlots.AskAsync(silo, () => grain.ScoreAsync(assignment, _stop.Token));
        }
        catch (Exception e)
        {
            // The silo died, or the call was lost: the next look begins the range again.
            logger.LogWarning(e, "Range {Range} of the job {Job} was lost on {Silo}.", range, Id, silo);
            _ranges.Return(range);
            return;
        }
        finally
        {
            _slots.GiveBack(silo);
        }

        if (outcome.Error is null)
            _ranges.Done(range, outcome.BrokenRows);
        else if (run != _runs)
            _ranges.Return(range); // It failed for a reason that was there before the job was resumed.
        else if (_ranges.Failed(range) >= MostTries || outcome.IsFinal)
            await FailAsync(outcome.Error);
        Begin();
    }

    private async Task FailAsync(string error)
    {
        if (IsRunning())
            await EndAsync(Record with { State = ScoringState.Failed, Error = error });
    }

    private async Task FinishAsync(CancellationToken deactivated)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(deactivated, _stop.Token);
        var (job, plan) = (Record.Job, _plan!);
        _isMerging = true;
        try
        {
            var broken = await Task.Run(() => JobFinisher.Finish(job, plan, stop.Token), stop.Token);
            if (!IsRunning())
                return;
            await EndAsync(Record with { State = ScoringState.Completed, BrokenRows = broken });
            JobFinisher.DeleteParts(job, plan);
        }
        finally
        {
            _isMerging = false;
        }
    }
}
