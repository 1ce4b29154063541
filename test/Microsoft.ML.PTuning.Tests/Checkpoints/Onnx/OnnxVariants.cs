namespace Microsoft.ML.PTuning.Tests.Checkpoints.Onnx;

/// <summary>Rewrites a model of F32 as exporters and quantisers do.</summary>
internal static class OnnxVariants
{
    /// <summary>Weights of another type, cast back where they are used (what a graph does that calculates in F32).</summary>
    public static OnnxDraft Cast(this OnnxDraft draft, Func<DraftTensor, DraftTensor> convert)
    {
        for (var i = 0; i < draft.Tensors.Count; i++)
        {
            var tensor = draft.Tensors[i];
            if (tensor.Type != OnnxType.Float)
                continue;

            draft.Tensors[i] = convert(tensor);
            draft.Redirect(tensor.Name, $"{tensor.Name}_cast");
            draft.Nodes.Insert(0, new DraftNode("Cast", [tensor.Name], [$"{tensor.Name}_cast"]).With("to", (long)OnnxType.Float));
        }

        return draft;
    }

    /// <summary>The whole graph in F16, as it is exported for GPUs: weights, constants, and what it casts to.</summary>
    public static OnnxDraft InHalf(this OnnxDraft draft)
    {
        for (var i = 0; i < draft.Tensors.Count; i++)
            if (draft.Tensors[i].Type == OnnxType.Float)
                draft.Tensors[i] = draft.Tensors[i].AsHalf();

        foreach (var node in draft.Nodes)
        {
            var value = node.Operator == "Constant" ? node.Value : null;
            var isCast = node.Operator == "Cast" && node.CastType == OnnxType.Float;
            if (!isCast && value?.Type != OnnxType.Float)
                continue;

            node.Attributes.Clear();
            if (isCast)
                node.With("to", (long)OnnxType.Float16);
            else
                node.With("value", DraftTensor.Of("", [.. value!.Floats.Select(number => Math.Clamp(number, -65504f, 65504))], value.Shape).AsHalf());
        }

        draft.SetOutputType(OnnxType.Float16);
        return draft;
    }

    /// <summary>Constants as Constant nodes, as exporters write them that keep no initialisers.</summary>
    public static OnnxDraft WithConstantNodes(this OnnxDraft draft)
    {
        foreach (var tensor in draft.Tensors)
            draft.Nodes.Insert(0, new DraftNode("Constant", [], [tensor.Name]).With("value", tensor with { Name = "" }));
        draft.Tensors.Clear();
        return draft;
    }

    /// <summary>Numbers for all names of parameters, so that only the nodes tell what is what.</summary>
    public static OnnxDraft WithoutNames(this OnnxDraft draft)
    {
        for (var i = 0; i < draft.Tensors.Count; i++)
        {
            draft.Redirect(draft.Tensors[i].Name, $"{1000 + i}");
            draft.Tensors[i] = draft.Tensors[i] with { Name = $"{1000 + i}" };
        }

        return draft;
    }

    /// <summary>All numbers in typed fields.</summary>
    public static OnnxDraft InFields(this OnnxDraft draft, bool isPacked)
    {
        for (var i = 0; i < draft.Tensors.Count; i++)
            draft.Tensors[i] = draft.Tensors[i] with { IsPacked = isPacked };
        return draft;
    }

    /// <summary>All numbers in a file beside the model, each tensor's at the next multiple of 16.</summary>
    /// <param name="path">Where that file is written.</param>
    public static OnnxDraft InFile(this OnnxDraft draft, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = File.Create(path);
        for (var i = 0; i < draft.Tensors.Count; i++)
        {
            var tensor = draft.Tensors[i];
            file.Position = (file.Position + 15) / 16 * 16;
            draft.Tensors[i] = tensor with
            {
                External = new Dictionary<string, string>
                {
                    ["location"] = Path.GetFileName(path), ["offset"] = $"{file.Position}", ["length"] = $"{tensor.Numbers.Length}",
                },
            };
            file.Write(tensor.Numbers);
        }

        return draft;
    }

    /// <summary>The whole numbers of <see cref="DynamicallyQuantized"/>, dequantised before anything is calculated with them.</summary>
    public static OnnxDraft QuantizedAlike(this OnnxDraft draft, bool isPerChannel)
    {
        foreach (var tensor in draft.Tensors.Where(tensor => tensor.Shape.Length == 2).ToArray())
        {
            if (draft.IsTable(tensor))
                Dequantize(draft, QuantizedTensor.Of(tensor, axis: null, isSigned: true), axis: 1);
            else if (draft.Nodes.Any(node => node.Operator == "MatMul" && node.Inputs[1] == tensor.Name))
                Dequantize(draft, QuantizedTensor.Of(tensor, isPerChannel ? 1 : null, isSigned: true), axis: 1);
        }

        return draft;
    }

    /// <summary>Matrices and tables of 8 bits, biases of 32, each dequantised by a node of its own (QDQ), under ONNX Runtime's names.</summary>
    /// <param name="isPerChannel">A scale for each column of what a node multiplies by, and for each row of a table; else one for all.</param>
    /// <param name="isSigned">int8 around 0; else uint8 with a zero point.</param>
    public static OnnxDraft Quantized(this OnnxDraft draft, bool isPerChannel, bool isSigned)
    {
        foreach (var tensor in draft.Tensors.ToArray())
        {
            var isBias = tensor.Name.EndsWith(".bias", StringComparison.Ordinal) && !tensor.Name.Contains("LayerNorm", StringComparison.OrdinalIgnoreCase);
            if (!isBias && tensor.Shape.Length != 2)
                continue;

            var axis = draft.IsTable(tensor) ? 0 : 1;
            var parts = isBias ? QuantizedTensor.OfBias(tensor) : QuantizedTensor.Of(tensor, isPerChannel ? axis : null, isSigned);
            Dequantize(draft, parts, isBias ? 0 : axis);
        }

        return draft;
    }

    /// <summary>
    /// What ONNX Runtime's quantize_dynamic writes: products of whole numbers, of activations that are quantised when it runs; tables of which the rows
    /// are dequantised that were looked up.
    /// </summary>
    public static OnnxDraft DynamicallyQuantized(this OnnxDraft draft, bool isPerChannel)
    {
        var roots = draft.Nodes.Where(node => node.Operator == "Identity").ToDictionary(node => node.Outputs[0], node => node.Inputs[0]);
        var quantized = new Dictionary<string, QuantizedTensor>();
        var activations = new HashSet<string>();
        foreach (var node in draft.Nodes.ToArray())
        {
            var index = node.Operator == "Gather" ? 0 : 1;
            if (node.Operator is not ("MatMul" or "Gather"))
                continue;

            var root = roots.GetValueOrDefault(node.Inputs[index], node.Inputs[index]);
            if (!quantized.TryGetValue(root, out var parts))
            {
                if (draft.Tensors.Find(tensor => tensor.Name == root) is not { Type: OnnxType.Float, Shape.Length: 2 } tensor)
                    continue;
                parts = QuantizedTensor.Of(tensor, node.Operator == "MatMul" && isPerChannel ? 1 : null, isSigned: true);
                parts.Replace(draft);
                draft.Redirect(root, parts.Names[0]);
                quantized[root] = quantized[parts.Names[0]] = parts; // Nodes take it by this name now, copies of it by the other.
            }

            var at = draft.Nodes.IndexOf(node);
            draft.Nodes.RemoveAt(at);
            draft.Nodes.InsertRange(at, node.Operator == "Gather" ? Gather(node, parts) : MatMul(node, parts, activations));
        }

        return draft;
    }

    private static bool IsTable(this OnnxDraft draft, DraftTensor tensor) =>
        draft.Nodes.Any(node => node.Operator == "Gather" && node.Inputs[0] == tensor.Name);

    private static void Dequantize(OnnxDraft draft, QuantizedTensor parts, int axis)
    {
        var name = parts.Original.Name;
        parts.Replace(draft);
        draft.Redirect(name, $"{name}_DequantizeLinear_Output");
        draft.Nodes.Insert(
            0, new DraftNode("DequantizeLinear", parts.Names, [$"{name}_DequantizeLinear_Output"], $"{name}_DequantizeLinear").With("axis", axis));
    }

    private static DraftNode[] Gather(DraftNode node, QuantizedTensor table)
    {
        var rows = $"{node.Outputs[0]}_quantized";
        return
        [
            new("Gather", [table.Names[0], node.Inputs[1]], [rows], $"{node.Name}_quant"),
            new("DequantizeLinear", [rows, table.Names[1], table.Names[2]], [node.Outputs[0]], $"{node.Outputs[0]}_DequantizeLinear"),
        ];
    }

    private static IEnumerable<DraftNode> MatMul(DraftNode node, QuantizedTensor weight, HashSet<string> activations)
    {
        var (input, output) = (node.Inputs[0], node.Outputs[0]);
        if (activations.Add(input))
            yield return new("DynamicQuantizeLinear", [input], [$"{input}_quantized", $"{input}_scale", $"{input}_zero_point"], $"{input}_QuantizeLinear");
        yield return new(
            "MatMulInteger", [$"{input}_quantized", node.Inputs[1], $"{input}_zero_point", weight.Names[2]], [$"{output}_output_quantized"],
            $"{node.Name}_quant");
        yield return new DraftNode("Cast", [$"{output}_output_quantized"], [$"{output}_output_quantized_cast"]).With("to", (long)OnnxType.Float);
        yield return new("Mul", [$"{input}_scale", weight.Names[1]], [$"{output}_quant_scales_mul"], $"{node.Name}_quant_scales_mul");
        yield return new(
            "Mul", [$"{output}_output_quantized_cast", $"{output}_quant_scales_mul"], [output], $"{node.Name}_quant_output_scale_mul");
    }
}
