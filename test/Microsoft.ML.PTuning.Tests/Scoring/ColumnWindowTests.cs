using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Scoring;

namespace Microsoft.ML.PTuning.Tests.Scoring;

/// <summary>Passed-through values that own something, such as images: ML.NET's readers dispose what they are given to fill.</summary>
[TestClass]
public sealed class ColumnWindowTests
{
    [TestMethod]
    public void Picture_that_was_handed_out_is_not_disposed_when_its_place_is_filled_again()
    {
        var source = new Pictures();
        var window = ColumnWindow.Create(source, source.Schema["Picture"]);
        var place = 0;
        var getter = (ValueGetter<Picture>)window.CreateGetter(() => place);
        Picture? first = null, second = null, third = null;
        window.Keep(0);
        window.Keep(1);
        getter(ref first!);
        place = 1;
        getter(ref second!);

        window.Keep(0);
        place = 0;
        getter(ref third!);

        CollectionAssert.AreEqual(new[] { 1, 2, 3 }, new[] { first.Number, second.Number, third.Number });
        Assert.IsFalse(first.IsDisposed || second.IsDisposed || third.IsDisposed);
    }

    private sealed class Picture(int number) : IDisposable
    {
        public int Number => number;

        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }

    private sealed class PictureType() : StructuredDataViewType(typeof(Picture))
    {
        public override bool Equals(DataViewType? other) => other is PictureType;
    }

    /// <summary>Gives a new picture whenever it is asked.</summary>
    private sealed class Pictures : DataViewRow
    {
        private int _given;

        public Pictures()
        {
            var builder = new DataViewSchema.Builder();
            builder.AddColumn("Picture", new PictureType());
            Schema = builder.ToSchema();
        }

        public override DataViewSchema Schema { get; }

        public override long Position => 0;

        public override long Batch => 0;

        public override bool IsColumnActive(DataViewSchema.Column column) => true;

        public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = default;

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            ValueGetter<Picture> getter = (ref Picture value) =>
            {
                value?.Dispose();
                value = new Picture(++_given);
            };
            return (ValueGetter<TValue>)(object)getter;
        }
    }
}
