using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>The OpenAPI document of the service's endpoints.</summary>
internal static class ServingDocument
{
    /// <summary>The document's name.</summary>
    public const string Name = "ptuning";

    private const string KeyScheme = "ApiKey";

    public static void Configure(OpenApiOptions document)
    {
        document.ShouldInclude = endpoint => endpoint.ActionDescriptor.EndpointMetadata.OfType<ServingEndpoint>().Any();
        document.AddDocumentTransformer((openApi, context, _) =>
        {
            openApi.Info.Title = "P-Tuning models";
            openApi.Info.Description = "Predictions of text models. Refusals are problem details (RFC 9457).";
            var options = context.ApplicationServices.GetRequiredService<IOptions<PTuningOptions>>().Value;
            if (options.ApiKeys.Count > 0)
                RequireKey(openApi, options.ApiKeyHeader);
            return Task.CompletedTask;
        });
    }

    /// <summary>The body of a row or of a stream of rows.</summary>
    public static Task DescribeRowAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var row = RowOf("The columns that the model reads.");
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = new Dictionary<string, OpenApiMediaType>
            {
                [RequestBody.Json] = new() { Schema = row, Example = JsonNode.Parse("""{"Text": "I paid twice."}""") },
                [RequestBody.Lines] = new() { Schema = row },
            },
        };
        return Task.CompletedTask;
    }

    /// <summary>The body of a row for several models.</summary>
    public static Task DescribeSeveralModelsAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var schema = new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Required = new HashSet<string> { "models", "row" },
            Properties = new Dictionary<string, IOpenApiSchema>
            {
                ["models"] = new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = JsonSchemaType.String } },
                ["row"] = RowOf("The columns that the models read."),
            },
        };
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = new Dictionary<string, OpenApiMediaType>
            {
                [RequestBody.Json] = new()
                {
                    Schema = schema,
                    Example = JsonNode.Parse("""{"models": ["queue", "urgent"], "row": {"Text": "I paid twice."}}"""),
                },
            },
        };
        return Task.CompletedTask;
    }

    private static OpenApiSchema RowOf(string description) =>
        new() { Type = JsonSchemaType.Object, Description = description, AdditionalPropertiesAllowed = true };

    private static void RequireKey(OpenApiDocument document, string header)
    {
        var scheme = new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = header };
        document.AddComponent<IOpenApiSecurityScheme>(KeyScheme, scheme);
        document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(KeyScheme, document)] = [] }];
    }
}

/// <summary>Marks the service's endpoints among those of the application.</summary>
internal sealed class ServingEndpoint;
