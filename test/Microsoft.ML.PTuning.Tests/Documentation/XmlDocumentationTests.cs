using System.CodeDom.Compiler;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;
using Microsoft.ML.PTuning.AspNetCore;
using Microsoft.ML.PTuning.Orleans;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.Tests.Documentation;

/// <summary>The XML docs of the library, the pictures, the service and the cluster: public methods have examples, and their code compiles.</summary>
[TestClass]
public sealed class XmlDocumentationTests
{
    private static readonly Assembly[] s_libraries =
        [
            typeof(PTuningV2Trainer).Assembly, typeof(PTuningPlots).Assembly, typeof(IPTuningPredictor).Assembly, typeof(PTuningOptions).Assembly,
            typeof(IBulkScoring).Assembly,
        ];

    /// <summary>What the compiler wrote beside them, by the ids of members.</summary>
    private static readonly Dictionary<string, XElement> s_members = s_libraries
        .SelectMany(library => XDocument.Load(Path.ChangeExtension(library.Location, ".xml")).Descendants("member"))
        .ToDictionary(member => (string)member.Attribute("name")!);

    /// <summary>The methods that need no example, and why.</summary>
    private static readonly Dictionary<string, string> s_withoutExample = new()
    {
        ["M:Microsoft.ML.PTuning.PTuningV2Trainer.GetOutputSchema(Microsoft.ML.SchemaShape)"] =
            "ML.NET calls it to check a chain; applications cannot make the columns of a SchemaShape",
        ["M:Microsoft.ML.PTuning.PatternExploitingTrainer.GetOutputSchema(Microsoft.ML.SchemaShape)"] =
            "ML.NET calls it to check a chain; applications cannot make the columns of a SchemaShape",
        ["M:Microsoft.ML.PTuning.PTuningV2Transformer.GetRowToRowMapper(Microsoft.ML.DataViewSchema)"] =
            "ML.NET calls it to make a PredictionEngine",
        ["M:Microsoft.ML.PTuning.PTuningShardWorker.Dispose"] = "'using' calls it",
        ["M:Microsoft.ML.PTuning.PTuningV2Transformer.Dispose"] = "'using' calls it",
        ["M:Microsoft.ML.PTuning.PTuningV2MultiTaskPredictor.Dispose"] = "'using' calls it",
        ["M:Microsoft.ML.PTuning.Orleans.PTuningSiloOptions.#ctor"] = "AddPTuning makes them",
        ["M:Microsoft.ML.PTuning.PTuningV2MultiTaskPredictor.DisposeAsync"] = "'await using' calls it",
    };

    private static readonly MethodBase[] s_methods =
    [
        .. from type in s_libraries.SelectMany(library => library.GetExportedTypes())
           where !type.IsEnum && !type.IsDefined(typeof(GeneratedCodeAttribute)) // What Orleans sends objects with.
           from method in type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly).OfType<MethodBase>()
           where method.IsConstructor || !method.IsSpecialName
           where !method.IsDefined(typeof(CompilerGeneratedAttribute)) // Equality of records.
           select method,
    ];

    public static IEnumerable<object[]> Methods => s_methods.Select(Id).Except(s_withoutExample.Keys).Select(id => new object[] { id });

    public static IEnumerable<object[]> MembersWithExample =>
        s_members.Where(member => member.Value.Elements("example").Any()).Select(member => new object[] { member.Key });

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Public_methods_have_an_example_that_uses_them(string id)
    {
        var method = s_methods.Single(method => Id(method) == id);
        var code = Example(id)?.Element("code")?.Value;
        Assert.IsNotNull(code, $"The docs of {id} have no <example> with <code>.");
        var type = method.DeclaringType!;
        var name = method.IsConstructor ? $"new {TypeId(type)[(type.Namespace!.Length + 1)..].Split('`')[0]}" : method.Name;
        StringAssert.Contains(code, name, $"The example of {id} does not use it.");
    }

    /// <summary>Its lines stand together in one of the files of Snippets, which are compiled.</summary>
    [TestMethod]
    [DynamicData(nameof(MembersWithExample))]
    public void Code_is_compiled(string id)
    {
        foreach (var code in s_members[id].Elements("example").Elements("code"))
        {
            var block = DocumentationTests.Lines(code.Value);
            Assert.AreNotEqual(0, block.Length, $"{id} has an example without code.");
            Assert.IsTrue(DocumentationTests.Snippets.Any(snippet => HasTogether(snippet, block)), $"{id} has code that no snippet has: {block[0]}");
        }
    }

    [TestMethod]
    public void Methods_that_need_no_example_are_methods_without_one()
    {
        var methods = s_methods.ToLookup(Id);
        foreach (var id in s_withoutExample.Keys)
        {
            Assert.IsTrue(methods.Contains(id), $"There is no public method {id}. Strike it off the list.");
            Assert.IsNull(Example(id), $"{id} has an example. Strike it off the list.");
        }
    }

    /// <summary>A member's own example, or the one that it inherits by name. A class's example is that of its constructor without parameters.</summary>
    private static XElement? Example(string id)
    {
        var member = s_members.GetValueOrDefault(id);
        var inherited = member?.Elements("inheritdoc").FirstOrDefault(tag => (string?)tag.Attribute("path") == "/example");
        return member?.Element("example")
            ?? (inherited is not null ? Example((string)inherited.Attribute("cref")!)
                : id.EndsWith(".#ctor", StringComparison.Ordinal) ? Example($"T:{id[2..^".#ctor".Length]}")
                : null);
    }

    private static bool HasTogether(string[] snippet, string[] block) =>
        Enumerable.Range(0, Math.Max(0, snippet.Length - block.Length + 1)).Any(start => snippet.AsSpan(start, block.Length).SequenceEqual(block));

    /// <summary>The compiler's id of a method.</summary>
    private static string Id(MethodBase method)
    {
        var name = method.IsConstructor ? "#ctor" : method.Name;
        var arity = method.IsGenericMethodDefinition ? $"``{method.GetGenericArguments().Length}" : "";
        var parameters = string.Join(",", method.GetParameters().Select(parameter => TypeId(parameter.ParameterType)));
        return $"M:{TypeId(method.DeclaringType!)}.{name}{arity}{(parameters.Length > 0 ? $"({parameters})" : "")}";
    }

    private static string TypeId(Type type)
    {
        if (type.IsByRef)
            return $"{TypeId(type.GetElementType()!)}@";
        if (type.IsArray)
            return $"{TypeId(type.GetElementType()!)}[]";
        if (type.IsGenericMethodParameter)
            return $"``{type.GenericParameterPosition}";
        if (type.IsGenericTypeParameter)
            return $"`{type.GenericParameterPosition}";
        if (type.IsGenericTypeDefinition)
            return type.FullName!.Replace('+', '.');
        if (type.IsGenericType)
            return $"{type.GetGenericTypeDefinition().FullName!.Split('`')[0]}{{{string.Join(",", type.GetGenericArguments().Select(TypeId))}}}";
        return type.FullName!.Replace('+', '.');
    }
}
