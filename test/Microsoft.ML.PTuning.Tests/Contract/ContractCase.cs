namespace Microsoft.ML.PTuning.Tests.Contract;

/// <summary>A task, data that fit it, and changes of its columns that do not.</summary>
/// <param name="Name">The task's.</param>
/// <param name="Trainer">Not fitted yet.</param>
/// <param name="Data">Rows with all that training reads, and a passed-through column.</param>
/// <param name="Inputs">The columns that prediction reads.</param>
/// <param name="Labels">The columns that training reads besides.</param>
internal sealed record ContractCase(string Name, PTuningV2Trainer Trainer, IDataView Data, string[] Inputs, string[] Labels);
