using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Interop;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Contract;

/// <summary>What ML.NET asks of every estimator, as its own TestEstimatorCore checks it, and of row mappers and cursors besides; for every task.</summary>
[TestClass]
public sealed class EstimatorContractTests
{
    private static readonly Dictionary<string, (ContractCase Case, PTuningV2Transformer Model)> Fitted = [];
    private static ContractCases s_cases = null!;

    public static IEnumerable<object[]> Tasks => ContractCases.Names.Select(name => new object[] { name });

    [ClassInitialize]
    public static void Prepare(TestContext context) => s_cases = new ContractCases();

    [ClassCleanup]
    public static void Dispose()
    {
        foreach (var (_, model) in Fitted.Values)
            model.Dispose();
        s_cases.Dispose();
    }

    [TestMethod]
    [DynamicData(nameof(Tasks))]
    public void Predicted_schema_is_the_schema(string task)
    {
        var (fitting, model) = Fit(task);

        var predicted = fitting.Trainer.GetOutputSchema(SchemaShapes.Of(fitting.Data.Schema));

        var found = SchemaShapes.Of(model.GetOutputSchema(fitting.Data.Schema));
        CollectionAssert.AreEqual(Describe(found), Describe(predicted));
        CollectionAssert.AreEqual(Describe(found), Describe(SchemaShapes.Of(model.Transform(fitting.Data).Schema)));
    }

    [TestMethod]
    [DynamicData(nameof(Tasks))]
    public void Column_that_is_missing_or_of_another_type_is_refused_by_shape_Fit_and_Transform_alike(string task)
    {
        var (fitting, model) = Fit(task);
        foreach (var column in fitting.Inputs.Concat(fitting.Labels))
            foreach (var data in new[] { Without(fitting.Data, column), WithNumbers(fitting.Data, column) })
            {
                RefusesByName(column, () => fitting.Trainer.GetOutputSchema(SchemaShapes.Of(data.Schema)));
                RefusesByName(column, () => fitting.Trainer.Fit(data));
                if (!fitting.Inputs.Contains(column))
                    continue;
                RefusesByName(column, () => model.Transform(data));
                RefusesByName(column, () => model.GetOutputSchema(data.Schema));
                RefusesByName(column, () => model.GetRowToRowMapper(data.Schema));
            }
    }

    [TestMethod]
    [DynamicData(nameof(Tasks))]
    public void Saved_pipeline_gives_the_same_rows(string task)
    {
        var (fitting, model) = Fit(task);
        using var folder = new TemporaryDirectory();
        var pipeline = s_cases.Context.Transforms.CopyColumns("Copied", "Passed").Fit(fitting.Data).Append(model);
        s_cases.Context.Model.Save(pipeline, fitting.Data.Schema, folder.File("model.zip"));

        var loaded = new MLContext().Model.Load(folder.File("model.zip"), out var schema);

        Assert.AreEqual(fitting.Data.Schema.Count, schema.Count);
        AssertSame(pipeline.Transform(fitting.Data), loaded.Transform(fitting.Data));
        ((IDisposable)loaded).Dispose();
    }

    [TestMethod]
    [DynamicData(nameof(Tasks))]
    public void Row_mapper_needs_no_more_than_the_columns_that_it_names(string task)
    {
        var (fitting, model) = Fit(task);
        var scored = model.Transform(fitting.Data);
        var mapper = model.GetRowToRowMapper(fitting.Data.Schema);
        foreach (var name in Added(scored, fitting).Append("Passed"))
        {
            var expected = RowReader.ReadById([scored.GetRowCursor([scored.Schema[name]])], name);
            var column = mapper.OutputSchema[name];
            DataViewSchema.Column[] needed = [.. mapper.GetDependencies([column])];
            CollectionAssert.AreEquivalent(name == "Passed" ? ["Passed"] : fitting.Inputs, needed.Select(c => c.Name).ToArray());

            using var source = fitting.Data.GetRowCursor(needed);
            var read = RowReader.Open(mapper.GetRow(source, [column]), name);
            var id = source.GetIdGetter();
            DataViewRowId current = default;
            for (var row = 0; row < 10; row++)
            {
                Assert.IsTrue(source.MoveNext());
                id(ref current);
                RowReader.AssertSame(expected[current], read(), $"{name}, row {row}");
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Tasks))]
    public void Parallel_and_shuffled_cursors_give_the_same_rows(string task)
    {
        var (fitting, model) = Fit(task);
        var scored = model.Transform(s_cases.Context.Data.Cache(fitting.Data)); // The cache can shuffle.
        string[] names = [.. Added(scored, fitting), "Id"];
        DataViewSchema.Column[] columns = [.. names.Select(name => scored.Schema[name])];
        var expected = RowReader.ReadById([scored.GetRowCursor(columns)], names);
        Assert.HasCount(ContractCases.Rows, expected);
        Assert.IsTrue(scored.CanShuffle);

        DataViewRowCursor[][] sets =
            [scored.GetRowCursorSet(columns, 4), [scored.GetRowCursor(columns, new Random(1))], scored.GetRowCursorSet(columns, 3, new Random(2))];
        foreach (var cursors in sets)
        {
            var found = RowReader.ReadById(cursors, names);
            Assert.HasCount(expected.Count, found);
            foreach (var (id, row) in expected)
                RowReader.AssertSame(row, found[id], $"{task}, row {id}");
        }
    }

    private static (ContractCase Case, PTuningV2Transformer Model) Fit(string task)
    {
        lock (Fitted)
        {
            if (!Fitted.TryGetValue(task, out var fitted))
            {
                var fitting = s_cases.Create(task);
                Fitted[task] = fitted = (fitting, fitting.Trainer.Fit(fitting.Data));
            }
            return fitted;
        }
    }

    private static string[] Added(IDataView scored, ContractCase fitting) => [.. scored.Schema.Skip(fitting.Data.Schema.Count).Select(column => column.Name)];

    private static IDataView Without(IDataView data, string column) => Apply(data, s_cases.Context.Transforms.DropColumns(column));

    // No task takes a vector of numbers.
    private static IDataView WithNumbers(IDataView data, string column) => Apply(data, s_cases.Context.Transforms.CopyColumns(column, "Passed"));

    private static IDataView Apply(IDataView data, IEstimator<ITransformer> estimator) => estimator.Fit(data).Transform(data);

    private static void RefusesByName(string column, Action action) =>
        Assert.AreEqual(column, Assert.ThrowsExactly<ArgumentOutOfRangeException>(action).ParamName);

    private static void AssertSame(IDataView expected, IDataView actual)
    {
        string[] names = [.. expected.Schema.Select(column => column.Name)];
        CollectionAssert.AreEqual(names, actual.Schema.Select(column => column.Name).ToArray());
        var one = RowReader.ReadById([expected.GetRowCursor(expected.Schema)], names);
        var other = RowReader.ReadById([actual.GetRowCursor(actual.Schema)], names);
        Assert.HasCount(one.Count, other);
        foreach (var (id, row) in one)
            RowReader.AssertSame(row, other[id], $"row {id}");
    }

    private static string[] Describe(SchemaShape shape) => [.. shape.Select(Describe).Order(StringComparer.Ordinal)];

    private static string Describe(SchemaShape.Column column) =>
        $"{column.Name} {column.Kind} {(column.IsKey ? "key " : "")}{column.ItemType} [{string.Join(", ", Describe(column.Annotations))}]";
}
