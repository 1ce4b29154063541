namespace Microsoft.ML.PTuning.Tool.Projects;

/// <summary>The file that uses a model, as ML.NET Model Builder writes it.</summary>
internal static class ConsumptionFile
{
    public static (string Path, string Text) Of(ModelClass model) => ($"{model.Name}.consumption.cs", $$"""
        // This file was written by ptuning. It loads the model and predicts.
        using Microsoft.ML;
        using Microsoft.ML.Data;

        namespace {{model.Namespace}};

        public partial class {{model.Name}}
        {
            /// <summary>
            /// model input class for {{model.Name}}.
            /// </summary>
            public class ModelInput
            {
        {{model.InputProperties}}
            }

            /// <summary>
            /// model output class for {{model.Name}}.
            /// </summary>
            public class ModelOutput
            {
        {{model.OutputProperties}}
            }

            public static readonly string MLNetModelPath = Path.Combine(AppContext.BaseDirectory, "{{model.Name}}.mlnet");

            public static readonly Lazy<PredictionEngine<ModelInput, ModelOutput>> PredictEngine = new Lazy<PredictionEngine<ModelInput, ModelOutput>>(() => CreatePredictEngine(), true);

            /// <summary>
            /// Use this method to predict on <see cref="ModelInput"/>. A PredictionEngine is for one thread at a time.
            /// </summary>
            /// <param name="input">model input.</param>
            /// <returns><seealso cref="ModelOutput"/></returns>
            public static ModelOutput Predict(ModelInput input)
            {
                var predEngine = PredictEngine.Value;
                return predEngine.Predict(input);
            }
        {{(model.HasClassScores ? AllLabels(model) : "")}}
            private static PredictionEngine<ModelInput, ModelOutput> CreatePredictEngine()
            {
                var mlContext = new MLContext();
                ITransformer mlModel = mlContext.Model.Load(MLNetModelPath, out var _);
                return mlContext.Model.CreatePredictionEngine<ModelInput, ModelOutput>(mlModel);
            }
        }
        """);

    private static string AllLabels(ModelClass model) => $$"""

            /// <summary>
            /// Use this method to predict scores for all possible labels.
            /// </summary>
            /// <param name="input">model input.</param>
            /// <returns>Labels and their scores, the highest score first.</returns>
            public static IOrderedEnumerable<KeyValuePair<string, float>> PredictAllLabels(ModelInput input)
            {
                var predEngine = PredictEngine.Value;
                var result = predEngine.Predict(input);
                return GetSortedScoresWithLabels(result);
            }

            /// <summary>
            /// Map the unlabeled result score array to the predicted label names.
            /// </summary>
            /// <param name="result">Prediction to get the labeled scores from.</param>
            /// <returns>Ordered list of label and score.</returns>
            public static IOrderedEnumerable<KeyValuePair<string, float>> GetSortedScoresWithLabels(ModelOutput result)
            {
                return GetLabels().Zip(result.Score, (label, score) => KeyValuePair.Create(label, score)).OrderByDescending(entry => entry.Value);
            }

            private static IEnumerable<string> GetLabels()
            {
                // The key values of the label are the labels, in the order of the scores.
                var names = new VBuffer<ReadOnlyMemory<char>>();
                PredictEngine.Value.OutputSchema[{{ModelClass.Quoted(model.Label)}}].GetKeyValues(ref names);
                return names.DenseValues().Select(name => name.ToString()).ToList();
            }

        """;
}
