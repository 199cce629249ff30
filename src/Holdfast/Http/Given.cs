using System.Text.Json;
using System.Text.Json.Serialization;

namespace Holdfast.Http;

/// <summary>A field of a body that may be left out. Left out means "as it is"; null, where it is allowed, means "none".</summary>
public readonly record struct Given<T>(bool Is, T? Value)
{
    /// <summary>The value, or what stands when nothing was given.</summary>
    public T? Or(T? standing) => Is ? Value : standing;
}

/// <summary>Reads <see cref="Given{T}"/>: the serializer calls it only for fields that are there.</summary>
internal sealed class GivenConverter : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) => typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(Given<>);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Of<>).MakeGenericType(typeToConvert.GetGenericArguments()))!;

    private sealed class Of<T> : JsonConverter<Given<T>>
    {
        public override bool HandleNull => true;

        public override Given<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            try
            {
                return new(true, reader.TokenType == JsonTokenType.Null ? default : JsonSerializer.Deserialize<T>(ref reader, options));
            }
            catch (JsonException inside) when (inside.Path is not null)
            {
                // Without a path of its own, it gets that of this field; what is beyond it comes along.
                var fault = new JsonException(inside.Message, inside);
                fault.Data[JsonBody.PathInside] = inside.Path.TrimStart('$') + inside.Data[JsonBody.PathInside];
                throw fault;
            }
        }

        public override void Write(Utf8JsonWriter writer, Given<T> value, JsonSerializerOptions options) =>
            JsonSerializer.Serialize(writer, value.Value, options);
    }
}
