namespace Holdfast.Http;

/// <summary>A body that says nothing: clients send <c>{}</c>, or none.</summary>
internal sealed record EmptyInput;
