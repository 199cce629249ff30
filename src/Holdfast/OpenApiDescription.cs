using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Holdfast.Events;
using Holdfast.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Holdfast;

/// <summary>How the description of the API is made. The result is committed as <c>openapi.json</c>, and a test compares.</summary>
internal static class OpenApiDescription
{
    private const string Error = "Error";
    private const string ApiKey = "api_key";

    public static void Configure(OpenApiOptions options)
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.CreateSchemaReferenceId = NameOf;
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo { Title = "Holdfast", Version = HealthEndpoints.Version };
            document.Servers = [];
            document.AddComponent(Error, ErrorSchema());
            document.AddComponent<IOpenApiSecurityScheme>(ApiKey, new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer" });
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer(DescribeAsync);
        options.AddOperationTransformer((operation, context, _) =>
        {
            Complete(operation, context.Document!, context.Description.ActionDescriptor.EndpointMetadata, context.Description.HttpMethod);
            return Task.CompletedTask;
        });
    }

    /// <summary>A nested record is named with what it stands in, for there are several called Body; a field that may be left out has no name of its own.</summary>
    private static string? NameOf(JsonTypeInfo info) => IsGiven(info.Type)
        ? null
        : OpenApiOptions.CreateDefaultSchemaReferenceId(info) is not { } name
            ? null
            : info.Type.IsGenericType && info.Type.GetGenericTypeDefinition() == typeof(ListBody<>)
                ? $"ListOf{Plain(info.Type.GetGenericArguments()[0])}"
                : Plain(info.Type, name);

    private static string Plain(Type type, string? name = null) => type.DeclaringType is { } outer ? outer.Name + type.Name : name ?? type.Name;

    private static bool IsGiven(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Given<>);

    private static async Task DescribeAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken ct)
    {
        var type = context.JsonTypeInfo.Type;
        if (type == typeof(DateTimeOffset))
        {
            schema.Type = JsonSchemaType.String;
        }
        if (IsGiven(type))
        {
            // A field that may be left out is described as what it holds.
            var held = await context.GetOrCreateSchemaAsync(type.GetGenericArguments()[0], cancellationToken: ct);
            schema.Type = held.Type is { } known ? known | JsonSchemaType.Null : null;
            (schema.Format, schema.Items, schema.Properties, schema.AdditionalProperties, schema.Required) =
                (held.Format, held.Items, held.Properties, held.AdditionalProperties, null);
            schema.Description = context.JsonPropertyInfo is null ? null : schema.Description?.StartsWith("A field of a body", StringComparison.Ordinal) == true ? null : schema.Description;
        }
        foreach (var property in context.JsonTypeInfo.Properties)
        {
            var ignored = property.AttributeProvider?.GetCustomAttributes(typeof(JsonIgnoreAttribute), true).OfType<JsonIgnoreAttribute>().FirstOrDefault()?.Condition;
            if (IsGiven(property.PropertyType) || ignored == JsonIgnoreCondition.WhenWritingNull)
            {
                schema.Required?.Remove(property.Name);
            }
        }
        if (schema.Required?.Count == 0)
        {
            schema.Required = null;
        }
    }

    private static void Complete(OpenApiOperation operation, OpenApiDocument document, IList<object> metadata, string? method)
    {
        operation.Responses ??= [];
        if (!operation.Responses.Keys.Any(k => k[0] is '2' or '3'))
        {
            operation.Responses["200"] = new OpenApiResponse { Description = "OK" };
        }
        operation.Responses["default"] = new OpenApiResponse
        {
            Description = "A refusal, or an outage.",
            Content = new Dictionary<string, OpenApiMediaType> { ["application/json"] = new() { Schema = new OpenApiSchemaReference(Error, document) } },
        };
        if (operation.RequestBody?.Content is { } content && content.Remove(JsonBody.AnyType, out var body))
        {
            content["application/json"] = body;   // what is meant, whatever it is called
        }
        operation.Parameters ??= [];
        if (metadata.OfType<ApiKeyRequired>().Any())
        {
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(ApiKey, document)] = [] }];
            if (method == "POST")
            {
                operation.Parameters.Add(new OpenApiParameter
                {
                    Name = "Idempotency-Key",
                    In = ParameterLocation.Header,
                    Description = "The same key with the same body is one operation, for 24 hours.",
                    Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                });
            }
        }
        if (metadata.OfType<IProducesResponseTypeMetadata>().Any(p =>
            p.Type == typeof(EventListBody) || (p.Type is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(ListBody<>))))
        {
            operation.Parameters.Add(Query("limit", new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = "100", Default = 10 }));
            operation.Parameters.Add(Query("order", new OpenApiSchema { Type = JsonSchemaType.String, Enum = ["asc", "desc", "normal"], Default = "desc" }));
            operation.Parameters.Add(Query("before", new OpenApiSchema { Type = JsonSchemaType.String }));
            operation.Parameters.Add(Query("after", new OpenApiSchema { Type = JsonSchemaType.String }));
        }
    }

    private static OpenApiParameter Query(string name, OpenApiSchema schema) => new() { Name = name, In = ParameterLocation.Query, Schema = schema };

    /// <summary>Every refusal is an object; which of its fields are there depends on the wire (see <see cref="ApiError"/>).</summary>
    private static OpenApiSchema ErrorSchema()
    {
        static OpenApiSchema Text() => new() { Type = JsonSchemaType.String };
        return new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Properties = new Dictionary<string, IOpenApiSchema>
            {
                ["code"] = Text(),
                ["message"] = Text(),
                ["errors"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Array,
                    Items = new OpenApiSchema
                    {
                        Type = JsonSchemaType.Object,
                        Required = new HashSet<string> { "field", "code" },
                        Properties = new Dictionary<string, IOpenApiSchema> { ["field"] = Text(), ["code"] = Text() },
                    },
                },
                ["error"] = Text(),
                ["error_description"] = Text(),
                ["reference"] = Text(),
            },
        };
    }
}
