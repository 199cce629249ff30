using Holdfast.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Holdfast;

/// <summary>How the description of the API is made. The result is committed as <c>openapi.json</c>, and a test compares.</summary>
internal static class OpenApiDescription
{
    public static void Configure(OpenApiOptions options)
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo { Title = "Holdfast", Version = HealthEndpoints.Version };
            document.Servers = [];
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer(async (schema, context, ct) =>
        {
            // A field that may be left out is described as what it holds.
            if (context.JsonTypeInfo.Type is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Given<>))
            {
                var held = await context.GetOrCreateSchemaAsync(type.GetGenericArguments()[0], cancellationToken: ct);
                (schema.Type, schema.Format, schema.Items, schema.Properties, schema.AdditionalProperties) =
                    (held.Type is { } known ? known | JsonSchemaType.Null : null, held.Format, held.Items, held.Properties, held.AdditionalProperties);
            }
        });
    }
}
