namespace Holdfast.Http;

/// <summary>Endpoint metadata: the largest body that it reads, where that is less than <see cref="JsonBody.MaxBytes"/>. Whoever reads the body for it reads no more.</summary>
public sealed record MostBytes(int Bytes)
{
    public static int Of(Endpoint endpoint) => endpoint.Metadata.GetMetadata<MostBytes>()?.Bytes ?? JsonBody.MaxBytes;
}
