namespace Microsoft.ML.PTuning.Tool.Projects;

/// <summary>The file that trains a model anew, as ML.NET Model Builder writes it, and the one that measures it.</summary>
internal static class TrainingFile
{
    public static (string Path, string Text) Of(ModelClass model) => ($"{model.Name}.training.cs", $$"""
        // This file was written by ptuning. It trains the model anew.
        using Microsoft.ML;
        using Microsoft.ML.Data;
        using Microsoft.ML.PTuning;

        namespace {{model.Namespace}};

        public partial class {{model.Name}}
        {
        {{(model.IsFlat ? FromFile(model) : "")}}
            /// <summary>
            /// Save a model at the specified path.
            /// </summary>
            /// <param name="mlContext">The common context for all ML.NET operations.</param>
            /// <param name="model">Model to save.</param>
            /// <param name="data">IDataView used to train the model.</param>
            /// <param name="modelSavePath">File path for saving the model.</param>
            public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath)
            {
                mlContext.Model.Save(model, data.Schema, modelSavePath);
            }

            /// <summary>
            /// Retrain model using the pipeline that the model was trained with.
            /// </summary>
            /// <param name="mlContext">The common context for all ML.NET operations.</param>
            /// <param name="trainData">Data to train on.</param>
            /// <returns>The trained model.</returns>
            public static ITransformer RetrainPipeline(MLContext mlContext, IDataView trainData)
            {
                return BuildPipeline(mlContext).Fit(trainData);
            }

            /// <summary>
            /// Build the pipeline: the default learning rate and encoder, and what the model tells of the rest.
            /// </summary>
            /// <param name="mlContext">The common context for all ML.NET operations.</param>
            /// <returns>The pipeline.</returns>
            public static IEstimator<ITransformer> BuildPipeline(MLContext mlContext)
            {
                return {{model.Pipeline}};
            }
        }
        """);

    public static (string Path, string Text) Evaluation(ModelClass model) => ($"{model.Name}.evaluate.cs", $$"""
        // This file was written by ptuning. It measures the model.
        using Microsoft.ML;
        using Microsoft.ML.Data;
        using Microsoft.ML.PTuning;

        namespace {{model.Namespace}};

        public partial class {{model.Name}}
        {
            /// <summary>
            /// Measure a model on rows that it was not trained on.
            /// </summary>
            /// <param name="mlContext">The common context for all ML.NET operations.</param>
            /// <param name="model">The model, as loaded or trained.</param>
            /// <param name="data">Rows with labels.</param>
            /// <returns>The metrics.</returns>
            public static {{model.MetricsType}} Evaluate(MLContext mlContext, ITransformer model, IDataView data)
            {
                var scored = model.Transform(data);
                return {{model.Evaluation}};
            }
        }
        """);

    private static string FromFile(ModelClass model) => $$"""
            public const string RetrainFilePath = {{ModelClass.Quoted(model.DataPath)}};
            public const char RetrainSeparatorChar = {{model.Separator}};
            public const bool RetrainHasHeader = true;
            public const bool RetrainAllowQuoting = {{model.Quoting}};

            /// <summary>
            /// Train a new model with the provided dataset.
            /// </summary>
            /// <param name="outputModelPath">File path for saving the model.</param>
            /// <param name="inputDataFilePath">Path to the data file for training.</param>
            /// <param name="separatorChar">Separator character for delimited training file.</param>
            /// <param name="hasHeader">Boolean if training file has a header.</param>
            /// <param name="allowQuoting">Boolean if training file has quoted columns.</param>
            public static void Train(string outputModelPath, string inputDataFilePath = RetrainFilePath, char separatorChar = RetrainSeparatorChar, bool hasHeader = RetrainHasHeader, bool allowQuoting = RetrainAllowQuoting)
            {
                var mlContext = new MLContext();
                var data = LoadIDataViewFromFile(mlContext, inputDataFilePath, separatorChar, hasHeader, allowQuoting);
                var model = RetrainPipeline(mlContext, data);
                SaveModel(mlContext, model, data, outputModelPath);
            }

            /// <summary>
            /// Load an IDataView from a file path. The numbers in LoadColumn say which column of the file each property is.
            /// </summary>
            /// <param name="mlContext">The common context for all ML.NET operations.</param>
            /// <param name="inputDataFilePath">Path to the data file for training.</param>
            /// <param name="separatorChar">Separator character for delimited training file.</param>
            /// <param name="hasHeader">Boolean if training file has a header.</param>
            /// <param name="allowQuoting">Boolean if training file has quoted columns.</param>
            /// <returns>IDataView with loaded training data.</returns>
            public static IDataView LoadIDataViewFromFile(MLContext mlContext, string inputDataFilePath, char separatorChar, bool hasHeader, bool allowQuoting)
            {
                return mlContext.Data.LoadFromTextFile<ModelInput>(inputDataFilePath, new TextLoader.Options
                {
                    Separators = new[] { separatorChar },
                    HasHeader = hasHeader,
                    AllowQuoting = allowQuoting,
                    ReadMultilines = allowQuoting,
                });
            }

        """;
}
