using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>Reads the bodies of requests within their limits.</summary>
internal static class RequestBody
{
    public const string Json = "application/json";

    public const string Lines = "application/x-ndjson";

    /// <summary>A name twice in an object would hide a column.</summary>
    public static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    private const int BytesPerCharacter = 6; // \u1234
    private const int OtherBytes = 64 * 1024;

    /// <summary>How many bytes a row takes at most, as it may be escaped and spaced.</summary>
    public static long BytesOf(int characters) => OtherBytes + (long)BytesPerCharacter * characters;

    public static bool HasLines(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && type.MediaType.Equals(Lines, StringComparison.OrdinalIgnoreCase);

    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="BadHttpRequestException">It is said to be something else, or is too large.</exception>
    public static Task<JsonDocument> ReadJsonAsync(HttpContext http, int characters)
    {
        if (!http.Request.HasJsonContentType())
            throw new BadHttpRequestException(
                $"Expected a body of type {Json}; found '{http.Request.ContentType}'.", StatusCodes.Status415UnsupportedMediaType);

        Limit(http, BytesOf(characters));
        return JsonDocument.ParseAsync(http.Request.Body, Strict, http.RequestAborted);
    }

    /// <param name="bytes">Null for any number.</param>
    public static void Limit(HttpContext http, long? bytes)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
            feature.MaxRequestBodySize = bytes;
    }
}
