namespace Kloset;

/// <summary>Bytes that do not follow the format. Becomes <see cref="Repositories.RepositoryException"/> (Damaged) with the object's name where that is known.</summary>
internal sealed class MalformedException(string message) : Exception(message);
