using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Orleans.Serving;

/// <summary>Row and prediction types as ML.NET knows them: public fields and properties, by their names or <see cref="ColumnNameAttribute"/>.</summary>
internal static class TypedRows
{
    private static readonly ConcurrentDictionary<Type, Member[]> s_members = new();

    /// <summary>A row as JSON in UTF-8. Members of types that JSON does not give a model are left out.</summary>
    public static byte[] Write<TRow>(TRow row)
        where TRow : class
    {
        var values = new Dictionary<string, object>();
        foreach (var member in Members(row.GetType()))
            if (ToJson(member.Get(row), member.Type) is { } value)
                values[member.Column] = value;
        return JsonSerializer.SerializeToUtf8Bytes(values);
    }

    /// <summary>A prediction from its columns, and from the row's where it has no such output. Other members keep their values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is of another type than its member.</exception>
    public static TPrediction Read<TPrediction>(IReadOnlyDictionary<string, object> columns, object row)
        where TPrediction : class, new()
    {
        var prediction = new TPrediction();
        foreach (var member in Members(typeof(TPrediction)))
        {
            if (columns.TryGetValue(member.Column, out var value))
                member.Set(prediction, FromColumn(value, member));
            else if (Members(row.GetType()).FirstOrDefault(own => (own.Column, own.Type) == (member.Column, member.Type))?.Get(row) is { } kept)
                member.Set(prediction, kept);
        }
        return prediction;
    }

    private static Member[] Members(Type type) => s_members.GetOrAdd(type, static type =>
    [
        .. from member in type.GetMembers(BindingFlags.Public | BindingFlags.Instance)
           where member is FieldInfo or PropertyInfo { CanRead: true, CanWrite: true } && !member.IsDefined(typeof(NoColumnAttribute), inherit: true)
           where member is not PropertyInfo property || property.GetIndexParameters().Length == 0
           select new Member(member, member.GetCustomAttributesData().FirstOrDefault(data => data.AttributeType == typeof(ColumnNameAttribute))
               ?.ConstructorArguments[0].Value as string ?? member.Name),
    ]);

    // Texts and vectors that are null are empty, as ML.NET has them.
    private static object? ToJson(object? value, Type type) => value switch
    {
        null when type == typeof(string) => "",
        null when type.IsArray => Array.Empty<float>(),
        string or bool or int or string[] or int[] => value,
        ReadOnlyMemory<char> text => text.ToString(),
        float number => Finite(number),
        float[] numbers when numbers.All(float.IsFinite) => numbers,
        VBuffer<float> numbers => numbers.DenseValues().ToArray(),
        VBuffer<ReadOnlyMemory<char>> texts => texts.DenseValues().Select(text => text.ToString()).ToArray(),
        ReadOnlyMemory<char>[] texts => texts.Select(text => text.ToString()).ToArray(),
        _ => null,
    };

    private static object? Finite(float number) => float.IsFinite(number) ? number : null;

    private static object FromColumn(object value, Member member)
    {
        if (member.Type.IsInstanceOfType(value))
            return value;
        return (value, member.Type) switch
        {
            (string text, var type) when type == typeof(ReadOnlyMemory<char>) => text.AsMemory(),
            (float[] numbers, var type) when type == typeof(VBuffer<float>) => new VBuffer<float>(numbers.Length, numbers),
            (int[] numbers, var type) when type == typeof(VBuffer<int>) => new VBuffer<int>(numbers.Length, numbers),
            (uint[] keys, var type) when type == typeof(VBuffer<uint>) => new VBuffer<uint>(keys.Length, keys),
            (bool[] values, var type) when type == typeof(VBuffer<bool>) => new VBuffer<bool>(values.Length, values),
            (string[] texts, var type) when type == typeof(VBuffer<ReadOnlyMemory<char>>) =>
                new VBuffer<ReadOnlyMemory<char>>(texts.Length, [.. texts.Select(text => text.AsMemory())]),
            _ => throw new ArgumentOutOfRangeException(
                member.Column,
                $"The model's column '{member.Column}' is {value.GetType().Name}; the prediction type has {member.Type.Name}. Give it that type."),
        };
    }

    /// <param name="Column">The name of its column.</param>
    private sealed record Member(MemberInfo Info, string Column)
    {
        public Type Type => Info is FieldInfo own ? own.FieldType : ((PropertyInfo)Info).PropertyType;

        public object? Get(object row) => Info is FieldInfo own ? own.GetValue(row) : ((PropertyInfo)Info).GetValue(row);

        public void Set(object prediction, object value)
        {
            if (Info is FieldInfo own)
                own.SetValue(prediction, value);
            else
                ((PropertyInfo)Info).SetValue(prediction, value);
        }
    }
}
