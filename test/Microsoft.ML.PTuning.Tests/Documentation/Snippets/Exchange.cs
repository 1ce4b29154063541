using Microsoft.ML.Data;

namespace Microsoft.ML.PTuning.Tests.Documentation.Snippets;

/// <summary>docs/exchange.md, and the XML docs of its methods.</summary>
internal static class Exchange
{
    public static void FromPeft(MLContext mlContext, IDataView tickets)
    {
        using var model = PTuningV2Transformer.ImportPeft(mlContext, "adapters/queues", new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = nameof(Ticket.Text),
            Backbone = "google-bert/bert-base-cased",
        }, classes: ["billing", "delivery", "returns"]);

        mlContext.Model.Save(model, tickets.Schema, "queues.zip");
        foreach (float[] scores in model.Transform(tickets).GetColumn<float[]>("Score"))
            Console.WriteLine(string.Join(" ", scores)); // A probability per class.
    }

    public static void ToPeft(MLContext mlContext, IDataView tickets)
    {
        var trainer = mlContext.MulticlassClassification.Trainers.PTuningV2(new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = nameof(Ticket.Text),
            Backbone = "google-bert/bert-base-cased",
            Pooling = Pooling.Checkpoint, // What transformers' BERT classifier reads.
        });
        using var model = trainer.Fit(tickets);
        model.ExportPeft("adapters/queues");
        Console.WriteLine(string.Join(", ", model.Classes)); // For id2label.
    }

    public static void FromPeftToWrite(MLContext mlContext)
    {
        using var model = PTuningV2Transformer.ImportPeft(mlContext, "adapters/complaints", new PTuningV2Trainer.TextGenerationOptions
        {
            Backbone = "openai-community/gpt2",
            Generation = new() { MaxNewTokens = 10 },
        });
        Console.WriteLine(model.GenerateText("Tweet text : I have no water and the bill is paid. Label :", piece => { }));
    }

    public static void FromTheOfficialCode(MLContext mlContext)
    {
        using var model = PTuningV2Transformer.ImportOfficialCheckpoint(mlContext, "checkpoints/conll2003-roberta", new PTuningV2Trainer.NamedEntityOptions
        {
            Sentence1ColumnName = "Words",
            MaxLength = 152,
        }, classes: ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC"]);
        model.SaveTo("conll2003.zip");
    }

    public static void FromAdapterHub(MLContext mlContext, IDataView tickets)
    {
        using var model = PTuningV2Transformer.ImportAdapterHub(mlContext, "adapters/sst-2", new PTuningV2Trainer.BinaryOptions
        {
            Sentence1ColumnName = nameof(Ticket.Text),
            Backbone = "FacebookAI/roberta-base",
        });
        foreach (float score in model.Transform(tickets).GetColumn<float>("Probability"))
            Console.WriteLine(score);
    }

    public static void ApiImportPeft(MLContext mlContext, IDataView newTickets)
    {
        using var model = PTuningV2Transformer.ImportPeft(mlContext, "adapters/queues", new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Text",
            Backbone = "google-bert/bert-base-cased", // Otherwise the one that the adapter names.
        }, classes: ["billing", "delivery", "returns"]);
        IDataView scored = model.Transform(newTickets);
        Console.WriteLine(scored.Schema.Count);
    }

    public static void ApiImportOfficialCheckpoint(MLContext mlContext)
    {
        using var model = PTuningV2Transformer.ImportOfficialCheckpoint(mlContext, "checkpoints/rte-roberta", new PTuningV2Trainer.MulticlassOptions
        {
            Sentence1ColumnName = "Premise",
            Sentence2ColumnName = "Hypothesis",
        }, classes: ["entailment", "not_entailment"]);
        model.SaveTo("rte.zip");
    }

    public static void ApiImportAdapterHub(MLContext mlContext, IDataView newTickets)
    {
        using var model = PTuningV2Transformer.ImportAdapterHub(mlContext, "adapters/sst-2", new PTuningV2Trainer.BinaryOptions
        {
            Sentence1ColumnName = "Text",
        });
        IDataView scored = model.Transform(newTickets);
        Console.WriteLine(scored.Schema.Count);
    }

    public static void ApiExportPeft(PTuningV2Transformer model)
    {
        model.ExportPeft("adapters/queues", baseModel: "google-bert/bert-base-cased");
    }
}
